// What it takes to wake a process that sleeps on another processor. The other one lets it sleep for a while, each time.
import { microseconds } from './units.mjs';

const shared = {
  unit: microseconds,
  sizes: { full: { rounds: 2_000, pauseUs: 500 }, quick: { rounds: 500, pauseUs: 500 } },
};

const floors = [
  { title: 'futex, in C', kind: 'floor', file: 'sync-floor', measure: 'futexWake' },
  { title: 'eventfd and epoll, in C', kind: 'floor', file: 'sync-floor', measure: 'eventfdWake' },
];

export const wakes = [
  {
    ...shared,
    name: 'wake',
    title: 'a process that sleeps is woken: from the call of the one to the return of the other',
    subjects: [
      { title: 'ours, Semaphore, acquireSync', kind: 'node', file: 'ours-wake', measure: 'sync' },
      { title: 'ours, Semaphore, acquire', kind: 'node', file: 'ours-wake', measure: 'async' },
      { title: 'CPython, Semaphore', kind: 'python', file: 'wake', measure: 'semaphore' },
      ...floors,
    ],
  },
  {
    ...shared,
    name: 'queue-wake',
    title:
      'a number for a process that sleeps: from the put of the one to the return of the other’s get',
    subjects: [
      { title: 'ours, getSync', kind: 'node', file: 'ours-wake', measure: 'queueSync' },
      { title: 'ours, await get', kind: 'node', file: 'ours-wake', measure: 'queueAsync' },
      { title: 'CPython, SimpleQueue', kind: 'python', file: 'wake', measure: 'simpleQueue' },
      { title: 'CPython, Pipe', kind: 'python', file: 'wake', measure: 'pipe' },
      ...floors,
    ],
  },
];
