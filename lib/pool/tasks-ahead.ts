/** How much a worker is given before it needs it, so that it need not wait between two short tasks. */
import { startsAreWatched } from './diagnostics.js';
import type { Task } from './task.js';

/** Tasks in a worker's line until they are expected to take so long, in milliseconds. */
const AHEAD_MS = 1;
/** The first one ahead behind a task that is expected to take so long: the wait for the next one is a part of that to speak of. */
const ONE_AHEAD_MS = 10;

const MOST_AHEAD = 64;

/** Of a batch whose answers are told late, so that a worker has something to do until they are: it tells them every 5 ms. */
export const BATCH_AHEAD_MS = 10;
/** For shorter ones the pool is awake nearly all the time, for longer ones it matters little whether it is woken. */
const BATCHED_FROM_MS = 0.25;
const BATCHED_TO_MS = 5;

/** So many milliseconds longer than expected a task may take before those behind it wait with all others again. */
export const LATE_MS = 10;

export function isLate({ expectedMs }: Task, takes: number): boolean {
  return takes > expectedMs + LATE_MS;
}

/** As `expectedMs` of a task behind which nothing is to wait. */
const LONG_MS = 1e9;

/**
 * Whether one more may wait in a line of so many tasks, which are expected to take so many milliseconds; if it can be taken back, should
 * one of them be longer than it looked.
 */
export function hasRoomAhead({ length, expectedMs, isBatched }: Line): boolean {
  const aheadMs = length === 1 ? ONE_AHEAD_MS : AHEAD_MS;
  return length < MOST_AHEAD && expectedMs < (isBatched ? BATCH_AHEAD_MS : aheadMs);
}

interface Line {
  readonly length: number;
  readonly expectedMs: number;
  /** All of them are of batches. */
  readonly isBatched: boolean;
}

/** The number of the task's batch, if its worker may tell the answer late; else 0. */
export function batchOf(task: Task): number {
  const { flow, fn } = task;
  const { meanRunMs, answersLater } = fn;
  const batch = flow?.batch ?? 0;
  if (batch === 0 || meanRunMs === undefined) return 0;
  if (answersLater === true || !beginsUnheard(task)) return 0;
  return meanRunMs >= BATCHED_FROM_MS && meanRunMs < BATCHED_TO_MS ? batch : 0;
}

/** For longer ones it costs nothing to be told of their beginning. */
const UNHEARD_TO_MS = 1_000;

/** Whether nobody hears at once that it has begun, and it hears nothing while it runs. */
export function beginsUnheard({ control, fn }: Task): boolean {
  if (expectedMsOf({ fn }) >= UNHEARD_TO_MS) return false;
  const isDeaf = control.abortable !== true || fn.answersLater === false;
  const isTold = control.onReport !== undefined || control.taskTimeout !== undefined;
  return isDeaf && !isTold && !startsAreWatched();
}

export function expectedMsOf({ fn }: Pick<Task, 'fn'>): number {
  return fn.meanRunMs ?? LONG_MS;
}
