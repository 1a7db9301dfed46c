import { microseconds } from './units.mjs';

export const name = 'hand-over';
export const title = 'two processes wake each other in turn: there and back';
export const unit = microseconds;
export const sizes = { full: { rounds: 20_000 }, quick: { rounds: 4_000 } };
export const subjects = [
  { title: 'ours, Semaphore, acquireSync', kind: 'node', file: 'ours-sync', measure: 'handOver' },
  { title: 'ours, Semaphore, acquire', kind: 'node', file: 'ours-sync', measure: 'handOverAsync' },
  { title: 'CPython, Semaphore', kind: 'python', file: 'sync', measure: 'handOver' },
  { title: 'futex, in C', kind: 'floor', file: 'sync-floor', measure: 'futex' },
  { title: 'eventfd and epoll, in C', kind: 'floor', file: 'sync-floor', measure: 'eventfd' },
];
