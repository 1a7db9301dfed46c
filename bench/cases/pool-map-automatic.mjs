import { microseconds } from './units.mjs';

export const name = 'pool-map-automatic';
export const title =
  'map of a function that does nothing, in chunks of its own choice, 2 workers: per item';
export const unit = microseconds;
export const sizes = {
  full: { items: 200_000, rounds: 10, workers: 2 },
  quick: { items: 50_000, rounds: 4, workers: 2 },
};
export const subjects = [
  { title: 'ours, fork, map', kind: 'node', file: 'ours-pool', measure: 'mapAutomatic' },
  { title: 'CPython, Pool.map', kind: 'python', file: 'python', measure: 'poolMapAutomatic' },
];
