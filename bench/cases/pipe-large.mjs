import { microseconds } from './units.mjs';
import { subjects as small } from './pipe.mjs';

export const name = 'pipe-64k';
export const title = 'round trip of 64 KiB with another process';
export const unit = microseconds;
export const sizes = {
  full: { rounds: 3_000, bytes: 65_536 },
  quick: { rounds: 600, bytes: 65_536 },
};
export const subjects = small;
