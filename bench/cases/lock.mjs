import { nanoseconds } from './units.mjs';

export const name = 'lock';
export const title = 'acquire and release of a free lock';
export const unit = nanoseconds;
export const sizes = { full: { rounds: 300, batch: 20_000 }, quick: { rounds: 60, batch: 10_000 } };
export const subjects = [
  { title: 'ours, acquireSync', kind: 'node', file: 'ours-sync', measure: 'lock' },
  { title: 'ours, await acquire', kind: 'node', file: 'ours-sync', measure: 'lockAsync' },
  { title: 'ours, the core without Node', kind: 'core', file: 'ours-core', measure: 'lockPair' },
  { title: 'CPython, Lock', kind: 'python', file: 'sync', measure: 'lock' },
  { title: 'two empty Node-API calls', kind: 'node', file: 'node-api-floor', measure: 'twoCalls' },
  { title: 'two compare-and-swaps, in C', kind: 'floor', file: 'sync-floor', measure: 'swaps' },
];
