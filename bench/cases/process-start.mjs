import { milliseconds } from './units.mjs';

export const name = 'process-start';
export const title = 'start and join of an empty target';
export const unit = milliseconds;
export const onNewest = true;
export const sizes = {
  full: { rounds: 200, slowRounds: 20, heapMiB: 0 },
  quick: { rounds: 50, slowRounds: 5, heapMiB: 0 },
};
export const subjects = [
  { title: 'ours, fork', kind: 'node', file: 'ours', measure: 'startFork' },
  { title: 'ours, spawn', kind: 'node', file: 'ours', measure: 'startSpawn' },
  { title: 'CPython, fork', kind: 'python', file: 'python', measure: 'startFork' },
  { title: 'CPython, spawn', kind: 'python', file: 'python', measure: 'startSpawn' },
  { title: 'child_process.fork', kind: 'node', file: 'child-process', measure: 'start' },
  { title: 'worker_threads', kind: 'node', file: 'worker-threads', measure: 'start' },
  { title: 'fork(2) and waitpid(2)', kind: 'node', file: 'fork-floor', measure: 'start' },
];
