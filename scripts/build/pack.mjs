import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './paths.mjs';

/** npm pack, without running any script. Returns the tarball's path and the names of the files in it. */
export function pack(destination) {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', destination],
    { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' },
  );
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const [packed] = Object.values(JSON.parse(stdout));
  return {
    tarball: path.join(destination, packed.filename),
    files: packed.files.map((file) => file.path),
    bytes: packed.size,
  };
}
