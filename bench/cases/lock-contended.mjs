import { nanoseconds } from './units.mjs';

export const name = 'lock-contended';
export const title = 'acquire and release of a lock that two processes want all the time';
export const unit = nanoseconds;
export const sizes = {
  full: { rounds: 100, batch: 10_000 },
  quick: { rounds: 20, batch: 10_000 },
};
export const subjects = [
  { title: 'ours, acquireSync', kind: 'node', file: 'ours-sync', measure: 'lockContended' },
  { title: 'CPython, Lock', kind: 'python', file: 'sync', measure: 'lockContended' },
];
