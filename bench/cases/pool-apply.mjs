import { microseconds } from './units.mjs';

export const name = 'pool-apply';
export const title = 'one task after the other, 2 workers: time from call to result';
export const unit = microseconds;
export const sizes = { full: { rounds: 5_000, workers: 2 }, quick: { rounds: 1_000, workers: 2 } };
export const subjects = [
  { title: 'ours, fork, apply', kind: 'node', file: 'ours-pool', measure: 'applyFork' },
  { title: 'ours, spawn, apply', kind: 'node', file: 'ours-pool', measure: 'applySpawn' },
  { title: 'piscina, run', kind: 'node', file: 'piscina', measure: 'run' },
  { title: 'tinypool, threads', kind: 'node', file: 'tinypool', measure: 'runThreads' },
  { title: 'tinypool, processes', kind: 'node', file: 'tinypool', measure: 'runProcesses' },
  { title: 'workerpool, threads', kind: 'node', file: 'workerpool', measure: 'runThreads' },
  { title: 'workerpool, processes', kind: 'node', file: 'workerpool', measure: 'runProcesses' },
  { title: 'CPython, Pool.apply', kind: 'python', file: 'python', measure: 'poolApply' },
];
