// Items of each kind through a queue, from one process to another.
import { calls, microseconds, nanoseconds } from './units.mjs';

const subjects = [
  { title: 'ours, putSync and getSync', kind: 'node', file: 'ours-queue', measure: 'sync' },
  { title: 'ours, putSync and await get', kind: 'node', file: 'ours-queue', measure: 'async' },
  { title: 'ours, putMany and getManySync', kind: 'node', file: 'ours-queue', measure: 'batched' },
  { title: 'ours, Pipe, the Sync methods', kind: 'node', file: 'ours-queue', measure: 'pipe' },
  { title: 'CPython, Queue', kind: 'python', file: 'queues', measure: 'queue' },
  { title: 'CPython, SimpleQueue', kind: 'python', file: 'queues', measure: 'simpleQueue' },
  { title: 'CPython, Pipe', kind: 'python', file: 'queues', measure: 'pipe' },
  { title: 'child_process, json', kind: 'node', file: 'queue-peers', measure: 'json' },
  { title: 'child_process, advanced', kind: 'node', file: 'queue-peers', measure: 'advanced' },
  { title: 'MessagePort of a thread', kind: 'node', file: 'queue-peers', measure: 'thread' },
];

/** Bytes that are read into one array again and again: nobody makes any. */
const intoOne = [
  {
    title: 'ours, Pipe, recvBytesIntoSync',
    kind: 'node',
    file: 'ours-queue',
    measure: 'pipeInto',
  },
  {
    title: 'CPython, Pipe, recv_bytes_into',
    kind: 'python',
    file: 'queues',
    measure: 'pipeInto',
  },
];

const copies = {
  title: 'a copy of the array, in one process',
  kind: 'node',
  file: 'array-floor',
  measure: 'copies',
};
const spin = {
  title: 'two processes that spin, in C',
  kind: 'floor',
  file: 'sync-floor',
  measure: 'spin',
};

const flow = (name, what, items, bytes) => ({
  name: `queue-${name}`,
  onNewest: true,
  bytes,
  title: `${what}, one way to another process`,
  unit: microseconds,
  // JSON has no bytes: an object with a property for each takes a thousand times as long as anything else here.
  subjects: bytes
    ? [...subjects.filter(({ measure }) => measure !== 'json'), ...intoOne, copies]
    : subjects,
  sizes: {
    full: { kind: name, items, rounds: 12 },
    quick: { kind: name, items: Math.ceil(items / 4), rounds: 5 },
  },
});

/** What is written into it is two bytes: neither side copies. */
const loan = (name, what, bytes) => ({
  name: `queue-loan-${name}`,
  onNewest: true,
  title: `${what}, lent to the writer and to the reader`,
  unit: microseconds,
  sizes: {
    full: { kind: name, bytes, most: 12, items: 10_000, rounds: 20 },
    quick: { kind: name, bytes, most: 12, items: 2_500, rounds: 5 },
  },
  subjects: [
    {
      title: 'ours, putLoanSync and getLoanSync',
      kind: 'node',
      file: 'ours-queue',
      measure: 'loans',
    },
  ],
});

const crowd = {
  name: 'queue-crowd',
  onNewest: true,
  title: 'a number, from four processes to four others',
  unit: microseconds,
  sizes: {
    full: { kind: 'number', items: 40_000, pairs: 4, rounds: 10 },
    quick: { kind: 'number', items: 10_000, pairs: 4, rounds: 3 },
  },
  subjects: [
    { title: 'ours, putSync and getSync', kind: 'node', file: 'ours-queue', measure: 'crowd' },
    { title: 'CPython, Queue', kind: 'python', file: 'queues', measure: 'crowd' },
    { title: 'CPython, SimpleQueue', kind: 'python', file: 'queues', measure: 'simpleCrowd' },
  ],
};

/** What the rings can do: nothing of it is JavaScript. */
const ring = (pairs, title) => ({
  name: `queue-ring-${pairs}`,
  title,
  unit: nanoseconds,
  sizes: {
    full: { items: 200_000, pairs, rounds: 10, bytes: 64, bound: 1024 },
    quick: { items: 100_000, pairs, rounds: 5, bytes: 64, bound: 1024 },
  },
  subjects: [
    { title: 'ours, the core without Node', kind: 'core', file: 'ours-core', measure: 'messages' },
  ],
});

const roundTrip = {
  name: 'queue-round-trip',
  onNewest: true,
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
    { title: 'futex, in C', kind: 'floor', file: 'sync-floor', measure: 'futex' },
    { title: 'eventfd and epoll, in C', kind: 'floor', file: 'sync-floor', measure: 'eventfd' },
    spin,
  ],
};

const roundTripAsleep = {
  ...roundTrip,
  name: 'queue-round-trip-asleep',
  onNewest: false,
  title: 'round trip of a number through two queues, both processes on one processor',
  subjects: roundTrip.subjects
    .filter((subject) => subject !== spin)
    .map((subject) => ({ ...subject, onOneCpu: true })),
};

/** Everything that Node does in the meantime included. In a circle each of the two always finds some. */
const systemCalls = {
  name: 'queue-system-calls',
  title: 'system calls of both processes for a number that flows from one to the other',
  unit: calls,
  // More than go round in the circle.
  sizes: { full: { few: 100_000, more: 500_000 }, quick: { few: 50_000, more: 100_000 } },
  subjects: [
    ['ours, putSync and getSync', 'sync'],
    ['ours, put and await get', 'async'],
    ['ours, putMany and getManySync', 'batched'],
    ['ours, Pipe, the Sync methods', 'pipe'],
    ['ours, putSync and getSync, round and round', 'circle'],
  ].map(([title, measure]) => ({ title, kind: 'node', file: 'ours-system-calls', measure })),
};

export const queues = [
  flow('number', 'a number', 20_000),
  flow('object', 'an object of five properties', 20_000),
  flow('kibibytes4', '4 KiB', 10_000, 2 ** 12),
  flow('mebibyte', '1 MiB', 100, 2 ** 20),
  loan('kibibytes4', '4 KiB', 2 ** 12),
  loan('kibibytes64', '64 KiB', 2 ** 16),
  loan('mebibyte', '1 MiB', 2 ** 20),
  loan('mebibytes16', '16 MiB', 2 ** 24),
  crowd,
  ring(1, '64 bytes, one way to another process, natively'),
  ring(4, '64 bytes, from four processes to four others, natively'),
  roundTrip,
  roundTripAsleep,
  systemCalls,
];
