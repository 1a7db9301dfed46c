/** How much a worker is given before it needs it, so that it need not wait between two short tasks. */
import type { Task } from './task.js';

/** Tasks in a worker's line until they are expected to take so long, in milliseconds. */
const AHEAD_MS = 1;
/** The first one ahead behind a task that is expected to take so long: the wait for the next one is a part of that to speak of. */
const ONE_AHEAD_MS = 10;

const MOST_AHEAD = 64;

/** As `expectedMs` of a task behind which nothing is to wait. */
const LONG_MS = 1e9;

/**
 * Whether one more may wait in a line of so many tasks, which are expected to take so many milliseconds; if it can be taken back, should
 * one of them be longer than it looked.
 */
export function hasRoomAhead(length: number, expectedMs: number): boolean {
  return length < MOST_AHEAD && expectedMs < (length === 1 ? ONE_AHEAD_MS : AHEAD_MS);
}

export function expectedMsOf({ fn }: Task): number {
  return fn.meanRunMs ?? LONG_MS;
}
