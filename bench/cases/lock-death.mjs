import { microseconds } from './units.mjs';

export const name = 'lock-death';
export const title = 'SIGKILL of the holder until the next has the lock';
export const unit = microseconds;
export const sizes = { full: { rounds: 200 }, quick: { rounds: 40 } };
export const subjects = [
  { title: 'ours, acquireSync', kind: 'node', file: 'ours-sync', measure: 'lockDeath' },
  { title: 'ours, acquire', kind: 'node', file: 'ours-sync', measure: 'lockDeathAsync' },
  { title: 'SIGKILL until waitpid(2), in C', kind: 'floor', file: 'sync-floor', measure: 'kill' },
];
