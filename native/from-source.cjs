'use strict';
// For a platform without a prebuilt binary: compiles the addon inside an installed package.
//   npm install --no-save node-gyp node-addon-api && node node_modules/node-multiprocessing/native/from-source.cjs
// binding.gyp is written for the time of the build only: npm takes one in a package's root for an install script.
const { spawnSync } = require('node:child_process');
const { existsSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..');
const bindingGyp = path.join(root, 'binding.gyp');
const isCheckout = existsSync(bindingGyp);

if (!isCheckout) writeFileSync(bindingGyp, "{ 'includes': ['native/addon.gypi'] }\n");
try {
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  const { status } = spawnSync(process.execPath, [nodeGyp, 'rebuild', ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  if (!isCheckout) rmSync(bindingGyp);
}
