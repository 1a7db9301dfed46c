// npm run tidy: clang-tidy over native/, with the compile commands of the workshop build. Needs clang-tidy on the PATH.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { inRoot, root } from './build/paths.mjs';

const { listSources } = createRequire(import.meta.url)('../native/list-sources.cjs');

const tidy = ['clang-tidy-19', 'clang-tidy'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
if (!tidy) {
  console.error('clang-tidy is not on the PATH');
  process.exit(1);
}
const folder = inRoot('.cache', 'native-tidy');
const configured = spawnSync('cmake', ['-S', root, '-B', folder], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
if (configured.status !== 0) process.exit(1);

// Several programs have most files in common, and clang-tidy would go through a file once for each.
const commands = JSON.parse(readFileSync(path.join(folder, 'compile_commands.json'), 'utf8'));
const once = path.join(folder, 'once');
mkdirSync(once, { recursive: true });
writeFileSync(
  path.join(once, 'compile_commands.json'),
  JSON.stringify([...new Map(commands.map((command) => [command.file, command])).values()]),
);

const files = process.argv.length > 2 ? process.argv.slice(2) : listSources();
const waiting = [...files];
let failed = 0;
await Promise.all(Array.from({ length: os.availableParallelism() }, worker));
console.log(`clang-tidy: ${files.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function worker() {
  for (let file = waiting.shift(); file; file = waiting.shift()) {
    if (!(await isClean(file))) failed += 1;
  }
}

function isClean(file) {
  return new Promise((resolve, reject) => {
    const child = spawn(tidy, ['-p', once, '--quiet', file], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', reject);
    child.once('close', (code) => {
      process.stdout.write(output);
      resolve(code === 0);
    });
  });
}
