// npm run check:package: what other tools will say of the published package (publint, are the types wrong).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pack } from './build/pack.mjs';
import { inRoot, root } from './build/paths.mjs';

const folder = mkdtempSync(path.join(os.tmpdir(), 'mp-check-'));
try {
  const { tarball } = pack(folder);
  run('publint/src/cli.js', ['run', '--strict', tarball]);
  run('@arethetypeswrong/cli/dist/index.js', ['--profile', 'node16', tarball]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(program, args) {
  const { status } = spawnSync(process.execPath, [inRoot('node_modules', program), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}
