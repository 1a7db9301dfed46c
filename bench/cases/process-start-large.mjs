import { milliseconds } from './units.mjs';

export const name = 'process-start-large';
export const title =
  'start and join with 512 MiB in use (CPython: written memory; the others: live heap of small objects)';
export const unit = milliseconds;
export const sizes = { full: { rounds: 20, heapMiB: 512 }, quick: { rounds: 10, heapMiB: 512 } };
export const subjects = [
  { title: 'ours, fork', kind: 'node', file: 'ours', measure: 'startFork' },
  { title: 'fork(2) and waitpid(2)', kind: 'node', file: 'fork-floor', measure: 'start' },
  { title: 'CPython, fork', kind: 'python', file: 'python', measure: 'startFork' },
];
