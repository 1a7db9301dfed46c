import { microseconds } from './units.mjs';

export const name = 'pipe';
export const title = 'round trip of 64 bytes with another process';
export const unit = microseconds;
export const onNewest = true;
export const sizes = { full: { rounds: 20_000, bytes: 64 }, quick: { rounds: 4_000, bytes: 64 } };
export const subjects = [
  { title: 'ours, Pipe', kind: 'node', file: 'ours', measure: 'pipe' },
  { title: 'ours, Pipe, the Sync methods', kind: 'node', file: 'ours', measure: 'pipeSync' },
  { title: 'CPython, Pipe', kind: 'python', file: 'python', measure: 'pipe' },
  { title: 'child_process messages', kind: 'node', file: 'child-process', measure: 'messages' },
  { title: 'worker_threads messages', kind: 'node', file: 'worker-threads', measure: 'messages' },
  { title: 'socketpair, in C', kind: 'floor', file: 'pipe-floor', measure: 'pipe' },
];
