import { microseconds } from './units.mjs';

const subjects = [
  { title: 'ours, Semaphore, acquireSync', kind: 'node', file: 'ours-sync', measure: 'handOver' },
  { title: 'ours, Semaphore, acquire', kind: 'node', file: 'ours-sync', measure: 'handOverAsync' },
  { title: 'CPython, Semaphore', kind: 'python', file: 'sync', measure: 'handOver' },
  { title: 'futex, in C', kind: 'floor', file: 'sync-floor', measure: 'futex' },
  { title: 'eventfd and epoll, in C', kind: 'floor', file: 'sync-floor', measure: 'eventfd' },
];

const shared = {
  unit: microseconds,
  sizes: { full: { rounds: 20_000 }, quick: { rounds: 4_000 } },
};

export const handOver = {
  ...shared,
  name: 'hand-over',
  title: 'two processes wake each other in turn: there and back',
  subjects,
};

/** Nobody can spin: the other one sleeps, each time. */
export const handOverAsleep = {
  ...shared,
  name: 'hand-over-asleep',
  title:
    'two processes on one processor, of which one always sleeps, wake each other in turn: there and back',
  subjects: subjects.map((subject) => ({ ...subject, onOneCpu: true })),
};
