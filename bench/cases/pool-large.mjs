import { microseconds } from './units.mjs';
import { poolSubjects } from './pool-subjects.mjs';

export const name = 'pool-1m';
export const title = 'tasks with an argument of 1 MiB, all at once, 2 workers: time per task';
export const unit = microseconds;
export const bytes = 2 ** 20;
export const sizes = {
  full: { items: 100, rounds: 40, workers: 2, bytes },
  quick: { items: 50, rounds: 4, workers: 2, bytes },
};
// The messages of workerpool's processes are JSON, in which bytes are no bytes.
export const subjects = poolSubjects('large', { python: 'poolLarge' }).filter(
  ({ title: of }) => of !== 'workerpool, processes',
);
