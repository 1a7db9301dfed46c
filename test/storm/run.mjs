// The storms: `npm run test:storm` runs the long forms on every Node version, `--short` short ones on this Node, and a few
// forks on the others.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
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
const storms = [
  ['fork-storm.cjs', forksOn],
  ['sync-storm.cjs', secondsOn],
  ['queue-storm.cjs', secondsOn],
  ['pipe-storm.cjs', pipesOn],
  ['pool-storm.cjs', stormOn],
  ['pool-storm.cjs', stormOn, { MULTIPROCESSING_BACKEND: 'fallback' }],
  ['pool-stream.cjs', tasksOn],
  ['pool-many.cjs', poolsOn],
  ['queue-lengths.cjs', () => (short ? 64 : 1024)],
];

let passed = 0;
let failed = 0;
for (const node of nodes) {
  // What forks meet is the inside of V8 and libuv, another one on every version.
  const onlyForks = short && node !== process.execPath;
  for (const [file, amount, env] of onlyForks ? storms.slice(0, 1) : storms) {
    const program = fileURLToPath(new URL(file, import.meta.url));
    const { status, signal } = spawnSync(node, [program, String(amount(node))], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    if (status === 0) passed++;
    else {
      failed++;
      console.log(`${node}: ${file} ended with ${signal ?? status}`);
    }
  }
}
console.log(`storm: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
