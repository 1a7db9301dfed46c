// npm run prebuild: the binary that is published for this platform, into prebuilds/. Works without a network.
// MP_MAX_GLIBC=2.28 makes a binary that asks for a newer glibc an error.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { withBuildLock } from './build/lock.mjs';
import { inRoot, root } from './build/paths.mjs';

const require = createRequire(import.meta.url);
const { findNodeDir } = require('./node-headers.cjs');

const nodeDir = findNodeDir();
await withBuildLock(() => {
  const prebuildify = path.join(path.dirname(require.resolve('prebuildify')), 'bin.js');
  const args = ['--napi', '--strip', '--tag-libc', ...process.argv.slice(2)];
  // Windows runs no script by its first line.
  if (process.platform !== 'win32')
    args.push('--node-gyp', inRoot('scripts', 'build', 'node-gyp-again.mjs'));
  const { status } = spawnSync(process.execPath, [prebuildify, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: {
      JOBS: 'max',
      ...process.env,
      ...(nodeDir ? { npm_config_nodedir: nodeDir } : {}),
      PATH: [inRoot('node_modules', '.bin'), process.env.PATH].join(path.delimiter),
    },
  });
  if (status !== 0) throw new Error(`prebuildify failed (${status})`);
});
reportGlibc();

function reportGlibc() {
  const limit = process.env.MP_MAX_GLIBC;
  const binaries = readdirSync(inRoot('prebuilds'), { recursive: true }).filter((name) =>
    name.endsWith('.node'),
  );
  for (const name of binaries) {
    const asked = newestGlibc(readFileSync(inRoot('prebuilds', name), 'latin1'));
    console.log(
      `prebuilds/${name}: ${asked === undefined ? 'no glibc version' : `glibc 2.${asked}`}`,
    );
    if (limit && asked > Number(limit.split('.')[1])) {
      console.error(`${name} asks for glibc 2.${asked}, at most ${limit} is allowed`);
      process.exitCode = 1;
    }
  }
}

function newestGlibc(binary) {
  const minors = [...binary.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  return minors.length === 0 ? undefined : Math.max(...minors);
}
