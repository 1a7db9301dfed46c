import { microseconds } from './units.mjs';

export const name = 'pool-map';
export const title = 'map of a function that does nothing, item by item, 2 workers: time per item';
export const unit = microseconds;
export const sizes = {
  full: { items: 20_000, rounds: 5, workers: 2 },
  quick: { items: 5_000, rounds: 3, workers: 2 },
};
export const subjects = [
  {
    title: 'ours, fork, map with chunkSize 1',
    kind: 'node',
    file: 'ours-pool',
    measure: 'mapFork',
  },
  {
    title: 'ours, spawn, map with chunkSize 1',
    kind: 'node',
    file: 'ours-pool',
    measure: 'mapSpawn',
  },
  { title: 'piscina, all at once', kind: 'node', file: 'piscina', measure: 'map' },
  {
    title: 'tinypool, threads, all at once',
    kind: 'node',
    file: 'tinypool',
    measure: 'mapThreads',
  },
  {
    title: 'tinypool, processes, all at once',
    kind: 'node',
    file: 'tinypool',
    measure: 'mapProcesses',
  },
  {
    title: 'workerpool, threads, all at once',
    kind: 'node',
    file: 'workerpool',
    measure: 'mapThreads',
  },
  {
    title: 'workerpool, processes, all at once',
    kind: 'node',
    file: 'workerpool',
    measure: 'mapProcesses',
  },
  {
    title: 'CPython Pool.map with chunksize 1',
    kind: 'python',
    file: 'python',
    measure: 'poolMap',
  },
];
