'use strict';
// The folder is the source list, for binding.gyp and CMakeLists.txt alike: every .cc below native/ except those whose
// name ends in another platform. `_posix` is kept on Linux and macOS. Paths are printed relative to the package root.
//   node native/list-sources.cjs [--platform=linux|darwin|win32] [room …]
const { readdirSync } = require('node:fs');
const path = require('node:path');

const PLATFORM_SUFFIXES = {
  linux: ['linux', 'posix'],
  darwin: ['darwin', 'posix'],
  win32: ['windows'],
};
// Rooms that have no other platform's half yet.
const LINUX_ROOMS = new Set(['shm', 'ring', 'sync', 'queues']);
const EVERY_SUFFIX = new Set(['linux', 'darwin', 'posix', 'windows']);

function belongsTo(platform, fileName) {
  const suffix = fileName.slice(0, -'.cc'.length).split('_').pop();
  return !EVERY_SUFFIX.has(suffix) || (PLATFORM_SUFFIXES[platform] ?? ['posix']).includes(suffix);
}

function listSources({ platform = process.platform, rooms = [] } = {}) {
  return readdirSync(__dirname, { recursive: true })
    .map((name) => name.split(path.sep).join('/'))
    .filter((name) => name.endsWith('.cc') && belongsTo(platform, path.posix.basename(name)))
    .filter((name) => platform === 'linux' || !LINUX_ROOMS.has(name.split('/')[0]))
    .filter((name) => rooms.length === 0 || rooms.includes(name.split('/')[0]))
    .map((name) => `native/${name}`)
    .sort();
}

if (require.main === module) {
  const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
  const platform = options
    .find((option) => option.startsWith('--platform='))
    ?.slice('--platform='.length);
  const rooms = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  process.stdout.write(`${listSources({ platform, rooms }).join('\n')}\n`);
}

module.exports = { listSources };
