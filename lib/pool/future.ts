/** Python's concurrent.futures.Future: a result that is on its way, which can be asked, awaited, heard of and cancelled. */
import { inspect } from 'node:util';
import { checkFunction, readWait, type Wait } from '../base/options.js';
import { CancelledError, StateError, TimeoutError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { callBack, PendingResult, type AsyncResult } from './results.js';
import { failed, succeeded, type Outcome } from './task.js';

/**
 * pending: nobody has begun it · running: a worker has come to it · cancelled: whoever was to run it does not know yet ·
 * dropped: it does, so nothing of it happens any more · finished: it has a result or an error.
 */
type State = 'pending' | 'running' | 'cancelled' | 'dropped' | 'finished';

/** Who runs what the future stands for. */
export interface FutureOwner {
  /** @throws StateError in a process that can hear nothing of it. */
  check(): void;
  /** Whether nobody has begun it, and from now on nobody does unless it is left to them. */
  withdraw(): boolean;
  /** The future was cancelled. */
  drop(): void;
}

/**
 * What `ProcessPoolExecutor.submit` returns. It can be awaited like a promise; a failure that nobody asks for is no unhandled
 * rejection. Made by hand (`new Future()`) it is settled by `setResult` or `setException`, as tests and other executors do.
 *
 * Python: `concurrent.futures.Future`.
 */
export class Future<T = unknown> implements PromiseLike<T> {
  #state: State = 'pending';
  #outcome: Outcome<T> | undefined;
  #owner: FutureOwner | undefined;
  readonly #result: AsyncResult<T> & { settle(outcome: Outcome<T>): void } = new PendingResult<T>();
  #callbacks: ((future: never) => unknown)[] = [];
  readonly #watchers = new Set<() => void>();

  constructor() {
    refuseClone(this, 'Future');
  }

  /**
   * Gives it up, if nobody has begun it. Does not block.
   *
   * @returns True when it is cancelled, now or before; false when a worker has come to it or it is finished.
   * @throws StateError when it is pending and belongs to an executor of another process.
   */
  cancel(): boolean {
    if (this.#state === 'running' || this.#state === 'finished') return false;
    if (this.#state !== 'pending') return true;
    this.#owner?.check();
    const owner = this.#owner;
    if (owner?.withdraw() === false) {
      this.#state = 'running';
      return false;
    }
    this.#state = 'cancelled';
    this.#end(failed(new CancelledError('the future was cancelled')));
    owner?.drop();
    this.#tell();
    return true;
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#state === 'cancelled' || this.#state === 'dropped';
  }

  /**
   * Whether a worker has come to it and it has not finished: from then on it cannot be cancelled. One that was given to a worker ahead of
   * its turn, behind another call, is not running; nor is one any more whose worker has died, or has lost it to others, before it began it.
   */
  running(): boolean {
    return this.#state === 'running';
  }

  /** Whether it is finished or cancelled. */
  done(): boolean {
    return this.#outcome !== undefined;
  }

  /**
   * Waits for the result. Does not block the thread.
   *
   * @param wait `timeout` in milliseconds: absent or `Infinity` waits for ever, 0 asks once. `signal` ends the wait. Neither
   *   touches the work.
   * @returns The result.
   * @throws What the work threw; WorkerDiedError when its worker ended; SerializationError when its arguments or its result
   *   cannot travel; BrokenPoolError when the executor is broken or was terminated.
   * @throws CancelledError when it was cancelled; TimeoutError when it was not there in time; the signal's reason.
   * @throws StateError when it is not done and belongs to an executor of another process.
   */
  async result(wait: Wait = {}): Promise<T> {
    await this.#wait(wait);
    return this.#result.get();
  }

  /**
   * Waits for the end, and tells the error. Parameters and errors as `result()`, except that the error of the work is the
   * answer.
   *
   * @returns What the work threw; null when it has a result.
   */
  async exception(wait: Wait = {}): Promise<unknown> {
    await this.#wait(wait);
    if (this.cancelled()) await this.#result.get();
    const outcome = this.#outcome;
    return outcome === undefined || outcome.ok ? null : outcome.error;
  }

  /**
   * Calls `fn(future)` when the future is done, at once when it is: in the order of registration, before those who await it go
   * on. What `fn` throws becomes a process warning, and harms nobody else.
   *
   * @throws TypeError when `fn` is no function.
   */
  addDoneCallback(fn: (future: Future<T>) => unknown): void {
    checkFunction('fn', fn);
    if (this.done()) callBack(fn, this, 'future');
    else this.#callbacks.push(fn);
  }

  /** So that it can be awaited: as `result()` without a timeout. */
  then<A = T, B = never>(
    onResult?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result().then(onResult, onError);
  }

  // ---- the other side: for executors and tests, as in Python -----------------------------------------------------------------

  /**
   * Whoever is about to run the work says so: from here on it cannot be cancelled.
   *
   * @returns False when it was cancelled before: then nothing must be run, and those who wait for the future are told.
   * @throws StateError when this was said before.
   */
  setRunningOrNotifyCancel(): boolean {
    if (this.#state === 'pending') {
      this.#state = 'running';
      return true;
    }
    if (this.#state !== 'cancelled') throw this.#unexpected('begin');
    this.#drop();
    return false;
  }

  /** Settles it. @throws StateError when it is done. */
  setResult(value: T): void {
    this.#set(succeeded(value));
  }

  /** Settles it with an error, which may be any value. @throws StateError when it is done. */
  setException(error: unknown): void {
    this.#set(failed(error));
  }

  /** `Future { pending }`, `Future { finished: RangeError }`. */
  [inspect.custom](): string {
    return `Future { ${this.#describe()} }`;
  }

  get [Symbol.toStringTag](): string {
    return 'Future';
  }

  // ---- for this package ------------------------------------------------------------------------------------------------------

  /** A future whose work somebody runs. @internal */
  static of<T>(owner: FutureOwner): Future<T> {
    const future = new Future<T>();
    future.#owner = owner;
    return future;
  }

  /** A worker has it, perhaps not for the first time. @internal */
  begin(): void {
    if (this.#state === 'pending') this.#state = 'running';
  }

  /** No worker has it any more, and none has begun it. @internal */
  unbegin(): void {
    if (this.#state === 'running') this.#state = 'pending';
  }

  /** Nothing more happens to the work. A future that was settled by hand before keeps what it was given. @internal */
  settle(outcome: Outcome<T>): void {
    if (this.#state === 'cancelled') this.#drop();
    else if (!this.done()) this.#set(outcome);
  }

  /** Whether all who wait for it can go on: finished, or cancelled and dropped by whoever was to run it. @internal */
  get settled(): boolean {
    return this.#state === 'finished' || this.#state === 'dropped';
  }

  /** Whether it finished with an error. @internal */
  get hasFailed(): boolean {
    return this.#state === 'finished' && this.#outcome?.ok === false;
  }

  /** Calls `wake` once when the future is settled. Returns what takes it back. @throws StateError as `result()`. @internal */
  watch(wake: () => void): () => void {
    this.#owner?.check();
    this.#watchers.add(wake);
    return () => this.#watchers.delete(wake);
  }

  async #wait(wait: Wait): Promise<void> {
    const limits = readWait('wait', wait);
    this.#owner?.check();
    if (!this.done()) await this.#result.wait(limits);
    if (!this.done())
      throw new TimeoutError(`the future was not done within ${String(limits.timeout)} ms`);
  }

  #set(outcome: Outcome<T>): void {
    if (this.done()) throw this.#unexpected('settle');
    this.#state = 'finished';
    this.#end(outcome);
    this.#wake();
    this.#tell();
  }

  #drop(): void {
    this.#state = 'dropped';
    this.#wake();
  }

  #end(outcome: Outcome<T>): void {
    this.#outcome = outcome;
    this.#owner = undefined;
    this.#result.settle(outcome);
  }

  #wake(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of watchers) wake();
  }

  #tell(): void {
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    for (const fn of callbacks) callBack(fn as (future: this) => unknown, this, 'future');
  }

  #unexpected(act: string): StateError {
    return new StateError(`cannot ${act} a future that is ${this.#describe()}`);
  }

  #describe(): string {
    const outcome = this.#outcome;
    if (this.cancelled()) return 'cancelled';
    if (outcome === undefined) return this.#state;
    return `finished: ${kindOf(outcome.ok ? outcome.value : outcome.error)}`;
  }
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return value.constructor?.name ?? 'Object';
}

registerHandleReducer<Future, never>('Future', Future, {
  reduce: () => {
    throw new Error('a future belongs to the process that made it; await it and send the result');
  },
  rebuild: () => {
    throw new Error('a future does not travel');
  },
});
