/** What a caller holds while tasks run: a result that can be awaited, asked, waited for with a deadline, or heard of by callback. */
import { inspect } from 'node:util';
import { FOR_EVER, readWait, type Wait } from '../base/options.js';
import { PendingWait } from '../base/wait.js';
import { StateError, TimeoutError } from '../errors.js';
import { checkOwner } from './owner.js';
import type { Outcome } from './task.js';

export interface AsyncResult<T> extends PromiseLike<T> {
  /**
   * The result, or the task's error. @throws TimeoutError when it is not there in time; the task goes on. StateError when it is not there
   * and the pool is another process's.
   */
  get(wait?: Wait): Promise<T>;
  /** Returns when the result is there or the timeout has passed, whatever the result is. @throws StateError as `get`. */
  wait(wait?: Wait): Promise<void>;
  ready(): boolean;
  /** Whether it came without an error. @throws StateError before it is there. */
  successful(): boolean;
}

export interface Callbacks<T> {
  /** Called with the result before those who await it go on. What it throws becomes a process warning. */
  callback?: ((result: T) => void) | undefined;
  errorCallback?: ((error: unknown) => void) | undefined;
}

/** An AsyncResult and the other side of it. A result that nobody asks for is no unhandled rejection. */
export class PendingResult<T> implements AsyncResult<T> {
  readonly #callbacks: Callbacks<T>;
  readonly #owner = process.pid;
  readonly #waiting = new Set<() => void>();
  #outcome: Outcome<T> | undefined;

  constructor(callbacks: Callbacks<T> = {}) {
    this.#callbacks = callbacks;
  }

  settle(outcome: Outcome<T>): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    const { callback, errorCallback } = this.#callbacks;
    if (outcome.ok) callBack(callback, outcome.value);
    else callBack(errorCallback, outcome.error);
    for (const wake of this.#waiting) wake();
  }

  ready(): boolean {
    return this.#outcome !== undefined;
  }

  successful(): boolean {
    if (this.#outcome === undefined)
      throw new StateError('the result is not there yet: ask ready() or await it first');
    return this.#outcome.ok;
  }

  async get(wait: Wait = FOR_EVER): Promise<T> {
    const limits = readWait('wait', wait);
    const outcome = this.#outcome ?? (await this.#settled(limits));
    if (outcome === undefined)
      throw new TimeoutError(`the result was not there within ${String(limits.timeout)} ms`);
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  async wait(wait: Wait = FOR_EVER): Promise<void> {
    const limits = readWait('wait', wait);
    if (this.#outcome === undefined) await this.#settled(limits);
  }

  then<A = T, B = never>(
    onResult?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.get().then(onResult, onError);
  }

  /** Undefined when the timeout passed first. */
  #settled(wait: Wait): Promise<Outcome<T> | undefined> {
    checkOwner(this.#owner, 'this result', 'it does not come');
    const wake = (): void => {
      pending.resolve(this.#outcome);
    };
    const pending: PendingWait<Outcome<T> | undefined> = new PendingWait<Outcome<T> | undefined>(
      wait,
      () => undefined,
      () => this.#waiting.delete(wake),
    );
    if (!pending.settled) this.#waiting.add(wake);
    return pending.promise;
  }
}

/** Calls user code. What goes wrong in it must reach neither the dispatcher nor other results: it becomes a process warning. */
export function callBack<V>(
  callback: ((value: V) => unknown) | undefined,
  value: V,
  whose: 'pool' | 'future' = 'pool',
): void {
  if (callback === undefined) return;
  const threw = (error: unknown): void => {
    warn(`a ${whose}'s callback threw`, error, WARNINGS[whose]);
  };
  try {
    const returned = callback(value);
    if (returned instanceof Promise) returned.catch(threw);
  } catch (error) {
    threw(error);
  }
}

const WARNINGS = { pool: 'PoolCallbackWarning', future: 'FutureCallbackWarning' } as const;

export function warn(what: string, error: unknown, name: string = WARNINGS.pool): void {
  // Not String(), which throws for some values.
  const cause = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
  const warning = new Error(`${what}: ${cause}`, { cause: error });
  warning.name = name;
  process.emitWarning(warning);
}
