// The storms: `npm run test:storm` runs the long forms on every Node version, and ten million messages and a million queues without
// Node; `--short` short ones on this Node, and a few forks on the others.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNativeTests } from '../../scripts/build/native-tests.mjs';
import { otherNodes } from '../../scripts/build/nodes.mjs';

const short = process.argv.includes('--short');
const nodes = [process.execPath, ...otherNodes()];

/**
 * How much of each: forks; seconds, for the pools those of every start method; tasks; pools; MiB of the longest message. What dies in
 * those that take seconds does so in our code, so one version gets most of the time.
 */
const forksOn = (node) => (!short ? 2000 : node === process.execPath ? 120 : 60);
const tasksOn = (node) => (short ? 10_000 : node === process.execPath ? 1_000_000 : 100_000);
const poolsOn = (node) => (short ? 300 : node === process.execPath ? 10_000 : 1000);
const secondsOn = (node) => (short ? 7 : node === process.execPath ? 600 : 60);
const pipesOn = (node) => (short ? 5 : node === process.execPath ? 300 : 60);
const stormOn = (node) => (short ? 2 : node === process.execPath ? 120 : 15);
const longestOn = () => (short ? 64 : 1024);
const FALLBACK = { MULTIPROCESSING_BACKEND: 'fallback' };
const storms = [
  ['fork-storm.cjs', forksOn],
  ['sync-storm.cjs', secondsOn],
  ['queue-storm.cjs', secondsOn],
  ['pipe-storm.cjs', pipesOn],
  ['pool-storm.cjs', stormOn],
  ['pool-storm.cjs', stormOn, { env: FALLBACK }],
  ['pool-stream.cjs', tasksOn],
  ['pool-many.cjs', poolsOn],
  ['queue-lengths.cjs', longestOn],
];
/** Where a process takes long to come up, or a message long to get through. */
const longStorms = [
  ['queue-storm.cjs', stormOn, { env: FALLBACK }],
  ['queue-lengths.cjs', longestOn, { args: ['pipe'] }],
  ['queue-lengths.cjs', longestOn, { env: FALLBACK }],
  ['queue-lengths.cjs', longestOn, { env: FALLBACK, args: ['pipe'] }],
];

let passed = 0;
let failed = 0;
function run(command, args, env = {}) {
  const { status, signal } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (status === 0) passed++;
  else {
    failed++;
    console.log(`${[command, ...args].join(' ')} ended with ${signal ?? status}`);
  }
}

if (!short) {
  const folder = buildNativeTests('none', ['queue_scale_test']);
  run(path.join(folder, 'queue_scale_test'), ['--long']);
}
for (const node of nodes) {
  // What forks meet is the inside of V8 and libuv, another one on every version.
  const onlyForks = short && node !== process.execPath;
  const all = short ? storms : [...storms, ...longStorms];
  for (const [file, amount, { env, args = [] } = {}] of onlyForks ? all.slice(0, 1) : all) {
    const program = fileURLToPath(new URL(file, import.meta.url));
    run(node, [program, String(amount(node)), ...args], env);
  }
}
console.log(`storm: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
