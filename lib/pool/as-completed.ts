import { isAborted, reasonOf } from '../base/abort-signal.js';
import { Deadline } from '../base/deadline.js';
import { readWait, type Wait } from '../base/options.js';
import { PendingWait } from '../base/wait.js';
import { TimeoutError } from '../errors.js';
import type { Future } from './future.js';
import { checkFutures } from './wait-futures.js';

const DONE = { done: true, value: undefined } as const;

type Step<T> = IteratorResult<Future<T>, undefined>;

/**
 * Gives futures as they are done: those that are done already first, in the order given. Does not block the thread. What is
 * given is forgotten, so that its result can be collected; leaving the loop cancels nothing.
 *
 * Python: `concurrent.futures.as_completed(fs, timeout=None)`.
 *
 * @param futures Any number, read at once; one that is given twice comes once.
 * @param wait `timeout` in milliseconds from this call for all of them: absent or `Infinity` waits for ever. `signal` ends it.
 * @returns An iterator over the futures. Its `next()` rejects with TimeoutError when the time is over and some are not done, and
 *   with the signal's reason; then it is at its end.
 * @throws TypeError for what is no future; RangeError for a timeout that is negative or NaN.
 * @throws StateError for a future that is not done and belongs to an executor of another process.
 */
export function asCompleted<T>(
  futures: Iterable<Future<T>>,
  wait: Wait = {},
): AsyncIterableIterator<Future<T>> {
  return new Completions(checkFutures(futures), readWait('wait', wait));
}

class Completions<T> implements AsyncIterableIterator<Future<T>> {
  readonly #wait: Wait;
  readonly #deadline: Deadline;
  readonly #total: number;
  /** Not done, with what takes the watch off again. */
  readonly #unsettled = new Map<Future<T>, () => void>();
  /** In the order in which they were done, from `#given` on not given out yet. */
  #completed: (Future<T> | undefined)[] = [];
  #given = 0;
  #ended = false;
  /** Calls of next() that wait, oldest first. */
  readonly #askers = new Set<PendingWait<Step<T>>>();

  constructor(futures: ReadonlySet<Future<T>>, wait: Wait) {
    this.#wait = wait;
    this.#deadline = Deadline.after(wait.timeout);
    this.#total = futures.size;
    try {
      for (const future of futures) this.#add(future);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Step<T>> {
    const { signal } = this.#wait;
    if (!this.#ended && signal !== undefined && isAborted(signal)) {
      this.#end();
      throw reasonOf(signal);
    }
    const value = this.#take();
    if (value !== undefined) return { done: false, value };
    return this.#unsettled.size === 0 ? DONE : this.#ask();
  }

  return(): Promise<Step<T>> {
    this.#end();
    return Promise.resolve(DONE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #add(future: Future<T>): void {
    if (future.settled) this.#completed.push(future);
    else
      this.#unsettled.set(
        future,
        future.watch(() => {
          this.#unsettled.delete(future);
          this.#completed.push(future);
          this.#serve();
        }),
      );
  }

  async #ask(): Promise<Step<T>> {
    const wait = { timeout: this.#deadline.remainingMs(), signal: this.#wait.signal };
    const asker: PendingWait<Step<T>> = new PendingWait<Step<T>>(
      wait,
      () => {
        throw new TimeoutError(
          `${String(this.#unsettled.size)} (of ${String(this.#total)}) futures unfinished`,
        );
      },
      () => this.#askers.delete(asker),
    );
    this.#askers.add(asker);
    try {
      return await asker.promise;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #serve(): void {
    for (const asker of this.#askers) {
      const value = this.#take();
      if (value === undefined) break;
      asker.resolve({ done: false, value });
    }
    if (this.#unsettled.size > 0) return;
    for (const asker of this.#askers) asker.resolve(DONE);
  }

  #take(): Future<T> | undefined {
    const value = this.#completed[this.#given];
    if (value === undefined) return undefined;
    this.#completed[this.#given++] = undefined;
    if (this.#given === this.#completed.length) this.#forget();
    return value;
  }

  #forget(): void {
    this.#completed = [];
    this.#given = 0;
  }

  #end(): void {
    this.#ended = true;
    for (const unwatch of this.#unsettled.values()) unwatch();
    this.#unsettled.clear();
    this.#forget();
    for (const asker of this.#askers) asker.resolve(DONE);
  }
}
