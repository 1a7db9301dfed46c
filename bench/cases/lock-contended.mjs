import { nanoseconds } from './units.mjs';

export const name = 'lock-contended';
export const title = 'acquire and release of a lock that two processes want all the time';
export const unit = nanoseconds;
export const sizes = {
  full: { rounds: 60, windowMs: 20 },
  quick: { rounds: 15, windowMs: 20 },
};
export const subjects = [
  { title: 'ours, acquireSync', kind: 'node', file: 'ours-sync', measure: 'lockContended' },
  { title: 'CPython, Lock', kind: 'python', file: 'sync', measure: 'lockContended' },
];
