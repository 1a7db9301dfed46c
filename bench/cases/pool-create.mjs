import { milliseconds } from './units.mjs';
import { poolSubjects } from './pool-subjects.mjs';

export const name = 'pool-create';
export const title = 'a pool of 2 workers: made, four tasks, closed';
export const unit = milliseconds;
export const sizes = {
  full: { rounds: 60, slowRounds: 8, workers: 2 },
  quick: { rounds: 20, slowRounds: 4, workers: 2 },
};
export const subjects = poolSubjects('create', { python: 'poolCreate' });
