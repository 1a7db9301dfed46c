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
 * Whether one more may wait in a line of so many tasks, which are expected to take so many milliseconds. Many only where they can be
 * taken back (`givesBack`), should one of them be longer than it looked.
 */
export function hasRoomAhead(length: number, expectedMs: number, givesBack: boolean): boolean {
  const most = givesBack ? MOST_AHEAD : 2;
  // Whoever has nothing to do takes over one that waits behind a longer one.
  const aheadMs = length === 1 && givesBack ? ONE_AHEAD_MS : AHEAD_MS;
  return length < most && expectedMs < aheadMs;
}

/**
 * No more than one such task waits behind another: one that may be aborted while it runs, as its worker reads ahead then and what
 * is read cannot be taken back; and one whose caller hears that it is given, and can cancel it until then.
 */
export function expectedMsOf({ fn, control, onGiven }: Task): number {
  const meanMs = fn.meanRunMs ?? LONG_MS;
  const isListening =
    control.abortable === true && (control.taskTimeout !== undefined || fn.answersLater !== false);
  const isBound = isListening || onGiven !== undefined;
  if (!isBound) return meanMs;
  return meanMs < AHEAD_MS ? Math.max(meanMs, AHEAD_MS / 2) : LONG_MS;
}
