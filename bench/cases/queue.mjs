// Items of each kind through a queue, from one process to another.
import { microseconds } from './units.mjs';

const subjects = [
  { title: 'ours, putSync and getSync', kind: 'node', file: 'ours-queue', measure: 'sync' },
  { title: 'ours, putSync and await get', kind: 'node', file: 'ours-queue', measure: 'async' },
  { title: 'ours, putMany and getManySync', kind: 'node', file: 'ours-queue', measure: 'batched' },
  { title: 'CPython, Queue', kind: 'python', file: 'queues', measure: 'queue' },
  { title: 'CPython, SimpleQueue', kind: 'python', file: 'queues', measure: 'simpleQueue' },
  { title: 'child_process, json', kind: 'node', file: 'queue-peers', measure: 'json' },
  { title: 'child_process, advanced', kind: 'node', file: 'queue-peers', measure: 'advanced' },
  { title: 'MessagePort of a thread', kind: 'node', file: 'queue-peers', measure: 'thread' },
];

const flow = (name, what, items) => ({
  name: `queue-${name}`,
  title: `${what}, one way to another process`,
  unit: microseconds,
  subjects,
  sizes: {
    full: { kind: name, items, rounds: 20 },
    quick: { kind: name, items: Math.ceil(items / 4), rounds: 5 },
  },
});

const roundTrip = {
  name: 'queue-round-trip',
  title: 'round trip of a number through two queues',
  unit: microseconds,
  sizes: {
    full: { kind: 'number', rounds: 20_000, bytes: 64 },
    quick: { kind: 'number', rounds: 4_000, bytes: 64 },
  },
  subjects: [
    { title: 'ours, the Sync methods', kind: 'node', file: 'ours-queue', measure: 'roundTripSync' },
    { title: 'ours, await', kind: 'node', file: 'ours-queue', measure: 'roundTrip' },
    { title: 'CPython, Pipe', kind: 'python', file: 'python', measure: 'pipe' },
    { title: 'child_process messages', kind: 'node', file: 'child-process', measure: 'messages' },
    { title: 'worker_threads messages', kind: 'node', file: 'worker-threads', measure: 'messages' },
    { title: 'socketpair, in C', kind: 'floor', file: 'pipe-floor', measure: 'pipe' },
  ],
};

export const queues = [
  flow('number', 'a number', 20_000),
  flow('object', 'an object of five properties', 20_000),
  flow('kibibytes4', '4 KiB', 10_000),
  flow('mebibyte', '1 MiB', 200),
  roundTrip,
];
