// npm run smoke: the published package as a user gets it. Packed, installed into an empty folder without install scripts
// and without a compiler on the PATH, then required, imported and type-checked.
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pack } from './build/pack.mjs';
import { inRoot } from './build/paths.mjs';

const NAME = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')).name;
const PROGRAMS = inRoot('scripts', 'smoke');

let passed = 0;
let failed = 0;
const folder = mkdtempSync(path.join(os.tmpdir(), 'mp-smoke-'));
try {
  const packed = pack(folder);
  console.log(
    `${path.basename(packed.tarball)}: ${packed.files.length} files, ${packed.bytes} bytes`,
  );
  checkFiles(packed.files);
  const app = install(packed.tarball);
  checkNoInstallScript(app);
  for (const program of readdirSync(PROGRAMS).filter((name) => /\.[cm]js$/.test(name)))
    runProgram(app, program);
  checkTypes(app);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`smoke: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function checkFiles(files) {
  check('no binding.gyp in the package root', !files.includes('binding.gyp'));
  check('no sources that cannot be built', !files.some((name) => name.startsWith('native/')));
  check(
    'a prebuilt binary',
    files.some((name) => /^prebuilds\/.*\.node$/.test(name)),
  );
  for (const name of [
    'LICENSE',
    'dist/index.js',
    'dist/index.mjs',
    'dist/index.d.ts',
    'dist/index.d.mts',
  ]) {
    check(name, files.includes(name));
  }
}

function install(tarball) {
  const app = path.join(folder, 'app');
  mkdirSync(app);
  writeFileSync(
    path.join(app, 'package.json'),
    JSON.stringify({ name: 'app', version: '1.0.0', private: true }),
  );
  const { status, output } = run(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball],
    app,
  );
  check('npm install --ignore-scripts', status === 0, output);
  return app;
}

function checkNoInstallScript(app) {
  const lock = JSON.parse(readFileSync(path.join(app, 'package-lock.json'), 'utf8'));
  const asking = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
  check(
    'no install script here or in a dependency',
    asking.length === 0,
    asking.map(([name]) => name).join(' '),
  );
}

function runProgram(app, program) {
  writeFileSync(path.join(app, program), readFileSync(path.join(PROGRAMS, program)));
  const { status, output } = run(process.execPath, [program], app);
  check(program, status === 0, output);
}

/** A strict consumer of each module kind, with the compiler and the Node types of this checkout. */
function checkTypes(app) {
  const body = `import { Process } from '${NAME}';\nexport const name: string = new Process().name;\n`;
  for (const file of ['consumer.mts', 'consumer.cts']) writeFileSync(path.join(app, file), body);
  mkdirSync(path.join(app, 'node_modules', '@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(inRoot('node_modules', name), path.join(app, 'node_modules', name), 'junction');
  }
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--types', 'node'];
  const kind = ['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'];
  const tsc = inRoot('node_modules', 'typescript', 'bin', 'tsc');
  const { status, output } = run(
    process.execPath,
    [tsc, ...options, ...kind, 'consumer.mts', 'consumer.cts'],
    app,
  );
  check('types for ESM and CommonJS', status === 0, output);
}

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: pathWithoutCompiler(), npm_config_nodedir: undefined },
    shell: process.platform === 'win32' && command === 'npm',
    timeout: 120_000,
  });
  return { status, output: `${error ?? ''}${stdout}${stderr}` };
}

/** A folder with node, npm and a shell, and nothing else. */
function pathWithoutCompiler() {
  if (process.platform === 'win32') return process.env.PATH;
  const bin = path.join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const name of ['node', 'npm', 'sh', 'env']) linkProgram(bin, name);
  return bin;
}

function linkProgram(bin, name) {
  const found = process.env.PATH.split(path.delimiter).find((entry) =>
    readable(entry).includes(name),
  );
  const target = name === 'node' ? process.execPath : path.join(found, name);
  rmSync(path.join(bin, name), { force: true });
  symlinkSync(target, path.join(bin, name));
}

function readable(entry) {
  try {
    return readdirSync(entry);
  } catch {
    return []; // The PATH may name folders that do not exist.
  }
}

function check(what, holds, output = '') {
  if (holds) passed += 1;
  else failed += 1;
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}`);
  if (!holds && output) console.log(output);
}
