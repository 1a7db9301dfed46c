import { microseconds } from './units.mjs';

export const name = 'pool-apply';
export const title = 'one task after the other, 2 workers: time from call to result';
export const unit = microseconds;
export const sizes = { full: { rounds: 5_000, workers: 2 }, quick: { rounds: 1_000, workers: 2 } };
export const subjects = [
  { title: 'ours, fork, apply', kind: 'node', file: 'ours', measure: 'poolApplyFork' },
  { title: 'ours, spawn, apply', kind: 'node', file: 'ours', measure: 'poolApplySpawn' },
  { title: 'piscina, run', kind: 'node', file: 'piscina', measure: 'run' },
  { title: 'CPython, Pool.apply', kind: 'python', file: 'python', measure: 'poolApply' },
];
