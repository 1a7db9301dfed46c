// npm run test:model: checks the models under test/model with spin. Each must hold in every run that it names, and
// each of its mutants, which leave a step out, must be refuted in one of them.
//   node scripts/test-model.mjs [name …]
import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { inRoot } from './build/paths.mjs';

const FOLDER = inRoot('test', 'model');
const CHECKER = ['-O2', '-w', '-DSAFETY', '-DMEMLIM=4000'];
// -E: a process that waits for ever is looked at by the model's own assertion.
const SEARCH = ['-E', '-m100000'];

let passed = 0;
let failed = 0;
const jobs = [];
for (const file of (await readdir(FOLDER)).filter((name) => name.endsWith('.pml')).sort()) {
  const name = path.basename(file, '.pml');
  if (process.argv.length > 2 && !process.argv.includes(name)) continue;
  const text = await readFile(path.join(FOLDER, file), 'utf8');
  const runs = list(text, 'runs');
  if (runs.length === 0) runs.push('');
  for (const run of runs) jobs.push(() => expectHolds(name, run));
  for (const mutant of list(text, 'mutants')) jobs.push(() => expectRefuted(name, runs, mutant));
}
await Promise.all(Array.from({ length: Math.min(2, os.availableParallelism()) }, work));
console.log(`model: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function list(text, key) {
  return new RegExp(`^// ${key}: (.*)$`, 'm').exec(text)?.[1].trim().split(/\s+/) ?? [];
}

async function work() {
  for (let job = jobs.shift(); job; job = jobs.shift()) await job();
}

async function expectHolds(name, run) {
  const found = await check(name, run, []);
  say(found.holds, `${name} ${run}`.trim(), found.holds ? `${found.states} states` : found.text);
}

async function expectRefuted(name, runs, mutant) {
  let text = '';
  for (const run of runs) {
    const found = await check(name, run, [mutant]);
    if (found.refuted) return say(true, `${name} with ${mutant}`, 'refuted, as it must be');
    text += found.text;
  }
  say(false, `${name} with ${mutant} was not refuted`, text);
}

async function check(name, run, mutants) {
  const folder = inRoot('.cache', 'model', [name, run, ...mutants].join('-'));
  await mkdir(folder, { recursive: true });
  const defines = [...run.split(',').filter(Boolean), ...mutants].map((one) => `-D${one}`);
  const made = await call(folder, 'spin', ['-a', ...defines, path.join(FOLDER, `${name}.pml`)]);
  const built = await call(folder, 'cc', [...CHECKER, '-o', 'pan', 'pan.c']);
  if (made.status !== 0 || built.status !== 0) return { text: made.text + built.text };
  const { text } = await call(folder, path.join(folder, 'pan'), SEARCH);
  // Both only mean something when the whole model was looked at, or an error really found.
  const complete = !/too small|out of memory|max search depth|Search not completed/.test(text);
  return {
    text,
    states: /(\d+) states, stored/.exec(text)?.[1],
    holds: complete && /errors: 0/.test(text),
    refuted: /assertion violated/.test(text) && /errors: 1/.test(text),
  };
}

function call(cwd, command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const add = (bytes) => (text += bytes);
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, text }));
  });
}

function say(good, what, detail) {
  if (good) passed += 1;
  else failed += 1;
  console.log(`${good ? '✓' : '✗'} ${what}: ${detail}`);
}
