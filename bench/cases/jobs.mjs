// Work of the kind that pools are for, by two workers, and by one process without a pool.
import { makeTree } from '../tree.mjs';
import { milliseconds } from './units.mjs';
import { poolSubjects } from './pool-subjects.mjs';

const [oursByFork, ...others] = poolSubjects('job', { python: 'pool', file: 'jobs' });
/** Nothing is handed out while they work: what two workers could be on this machine. */
const halves = { kind: 'node', file: 'one-process', measure: 'halves' };
const subjects = [
  oursByFork,
  { title: 'one process, no pool', kind: 'node', file: 'one-process', measure: 'whole' },
  { title: 'two processes, half of the job each, no pool', ...halves },
  ...others,
  { title: 'CPython, one process', kind: 'python', file: 'jobs', measure: 'one' },
];

const shared = { unit: milliseconds, subjects };

export const jobs = [
  {
    ...shared,
    name: 'job-gzip',
    title: 'gzip of a tree of 96 files, 2 workers: time per file',
    sizes: {
      full: { job: 'gzipFile', workers: 2, rounds: 4, slowRounds: 2 },
      quick: { job: 'gzipFile', workers: 2, rounds: 2, slowRounds: 1 },
    },
    prepare: () => makeTree({ files: 96, kibibytes: 128 }),
  },
  {
    ...shared,
    name: 'job-n-body',
    title: 'five bodies that attract each other, 2 workers: time per simulation',
    sizes: {
      full: { job: 'nBody', pieces: 96, steps: 20_000, workers: 2, rounds: 4, slowRounds: 1 },
      quick: { job: 'nBody', pieces: 48, steps: 20_000, workers: 2, rounds: 2, slowRounds: 1 },
    },
  },
  {
    ...shared,
    name: 'job-n-body-long',
    title: 'five bodies that attract each other, ten times as long, 2 workers: time per simulation',
    // CPython would need a minute.
    subjects: subjects.filter(({ kind }) => kind !== 'python'),
    sizes: {
      full: { job: 'nBody', pieces: 96, steps: 200_000, workers: 2, rounds: 4, slowRounds: 4 },
      quick: { job: 'nBody', pieces: 48, steps: 200_000, workers: 2, rounds: 2, slowRounds: 1 },
    },
  },
];
