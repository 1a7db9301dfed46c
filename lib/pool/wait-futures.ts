import { throwIfAborted } from '../base/abort-signal.js';
import type { Names } from '../base/option-names.js';
import { invalidType, outOfRange, readWait, type Wait, WAIT } from '../base/options.js';
import { PendingWait } from '../base/wait.js';
import { Future } from './future.js';

const CHOICES = ['FIRST_COMPLETED', 'FIRST_EXCEPTION', 'ALL_COMPLETED'] as const;

/** What `waitFutures` waits for. */
export type ReturnWhen = (typeof CHOICES)[number];

export interface WaitFuturesOptions extends Wait {
  /**
   * `FIRST_COMPLETED`: one is done, also by being cancelled. `FIRST_EXCEPTION`: one has failed, or all are done.
   * `ALL_COMPLETED`, the default: all are done.
   */
  returnWhen?: ReturnWhen | undefined;
}

const WAIT_FUTURES_OPTIONS: Names<WaitFuturesOptions> = { ...WAIT, returnWhen: true };

export interface DoneAndNotDone<T> {
  done: Set<Future<T>>;
  notDone: Set<Future<T>>;
}

/**
 * Waits for several futures. Does not block the thread, cancels nothing, and leaves nothing at the futures.
 *
 * Python: `concurrent.futures.wait(fs, timeout=None, return_when=ALL_COMPLETED)`. A future that was made by hand and cancelled
 * is done when its `setRunningOrNotifyCancel()` was called, as there; one of an executor is done when it is cancelled.
 *
 * @param futures Any number; one that is given twice counts once. No futures at all are all done.
 * @param options `returnWhen`, by default `ALL_COMPLETED`; `timeout` in milliseconds: absent or `Infinity` waits for ever, 0 looks
 *   once; `signal` ends the wait.
 * @returns Those that are done and those that are not, also when the time was over first.
 * @throws TypeError for what is no future and for options of a wrong type; RangeError for a timeout that is negative or NaN and
 *   for another `returnWhen`.
 * @throws StateError for a future that is not done and belongs to an executor of another process.
 * @throws The signal's reason when it is aborted.
 */
export async function waitFutures<T>(
  futures: Iterable<Future<T>>,
  options: WaitFuturesOptions = {},
): Promise<DoneAndNotDone<T>> {
  const wait = readWait('options', options, WAIT_FUTURES_OPTIONS);
  const { returnWhen = 'ALL_COMPLETED' } = options;
  if (typeof returnWhen !== 'string')
    throw invalidType('options.returnWhen', 'a string', returnWhen);
  if (!CHOICES.includes(returnWhen))
    throw outOfRange('options.returnWhen', `one of ${CHOICES.join(', ')}`, returnWhen);
  const all = checkFutures(futures);
  throwIfAborted(wait.signal);
  if (!isEnough(all, returnWhen)) await untilEnough(all, returnWhen, wait);
  const done = new Set([...all].filter((future) => future.settled));
  return { done, notDone: new Set([...all].filter((future) => !future.settled)) };
}

/** Each once. @throws TypeError for what is none, or no iterable. */
export function checkFutures<T>(futures: Iterable<Future<T>>): Set<Future<T>> {
  const given = futures as Partial<Iterable<Future<T>>> | null | undefined;
  if (typeof given?.[Symbol.iterator] !== 'function')
    throw invalidType('futures', 'an iterable of futures', futures);
  const all = new Set(futures);
  for (const future of all)
    if (!(future instanceof Future)) throw invalidType('futures', 'futures only', future);
  return all;
}

function isEnough<T>(all: ReadonlySet<Future<T>>, returnWhen: ReturnWhen): boolean {
  let unsettled = 0;
  for (const future of all) {
    if (!future.settled) unsettled++;
    else if (returnWhen === 'FIRST_COMPLETED') return true;
    else if (returnWhen === 'FIRST_EXCEPTION' && future.hasFailed) return true;
  }
  return unsettled === 0;
}

async function untilEnough<T>(
  all: ReadonlySet<Future<T>>,
  returnWhen: ReturnWhen,
  wait: Wait,
): Promise<void> {
  const unsettled = [...all].filter((future) => !future.settled);
  let left = unsettled.length;
  const unwatch: (() => void)[] = [];
  const takeBack = (): void => {
    for (const undo of unwatch) undo();
  };
  const pending = new PendingWait<void>(wait, () => undefined, takeBack);
  try {
    for (const future of unsettled)
      unwatch.push(
        future.watch(() => {
          left--;
          const early = returnWhen === 'FIRST_COMPLETED';
          const failed = returnWhen === 'FIRST_EXCEPTION' && future.hasFailed;
          if (early || failed || left === 0) pending.resolve();
        }),
      );
  } catch (error) {
    pending.reject(error);
  }
  await pending.promise;
}
