import { inspect } from 'node:util';
import {
  MAX_PARTIES,
  SyncOutcome,
  type Arrival,
  type BarrierHandle,
} from '../backend/sync-contract.js';
import { throwIfAborted } from '../base/abort-signal.js';
import type { Names } from '../base/option-names.js';
import {
  checkFunction,
  checkInteger,
  checkOptions,
  checkTimeout,
  FOR_EVER,
  readSyncTimeout,
  readWait,
  type Wait,
} from '../base/options.js';
import { BrokenBarrierError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { BarrierAction } from './barrier-action.js';
import { syncBackend } from './backend.js';
import { type SyncWait } from './options.js';
import { openShared, sendShared, type Shared } from './travel.js';

const TAG = 'Barrier';

export interface BarrierOptions {
  /**
   * Run by the last to arrive, before anybody goes on. To travel to a spawned process it must be a function that can be named
   * there: see `taskRef`.
   */
  action?: (() => unknown) | undefined;
  /** For every wait that says nothing else. Milliseconds; absent waits for ever. */
  timeout?: number | undefined;
}

const BARRIER_OPTIONS: Names<BarrierOptions> = { action: true, timeout: true };

/** One that has arrived from another process. */
class ArrivedBarrier {
  readonly handle: BarrierHandle;
  readonly action: BarrierAction | undefined;
  readonly timeout: number | undefined;

  constructor(
    handle: BarrierHandle,
    action: BarrierAction | undefined,
    timeout: number | undefined,
  ) {
    this.handle = handle;
    this.action = action;
    this.timeout = timeout;
  }
}

/**
 * Where so many parties meet: each waits until all have come, over and over. Broken as soon as one of them gives up: a wait
 * whose time is over, an action that throws, `abort()`, or, other than in Python, a process that dies and had the barrier, or that
 * ends while it runs the action. It travels to other processes as a Lock does. Python: `multiprocessing.Barrier`.
 */
export class Barrier {
  readonly #handle: BarrierHandle;
  readonly #action: BarrierAction | undefined;
  readonly #timeout: number | undefined;

  /**
   * @param parties How many it takes to open: an integer from 1 to 4095.
   * @param options `action` and `timeout`.
   * @throws TypeError, RangeError; SystemError when there is no more room.
   */
  constructor(parties: number, options?: BarrierOptions) {
    const given: unknown = parties;
    if (given instanceof ArrivedBarrier) {
      this.#handle = given.handle;
      this.#action = given.action;
      this.#timeout = given.timeout;
    } else {
      checkInteger('parties', parties, 1, MAX_PARTIES);
      checkOptions('options', options, BARRIER_OPTIONS);
      const timeout: unknown = options?.timeout;
      checkTimeout('options.timeout', timeout);
      const action: unknown = options?.action ?? undefined;
      if (action !== undefined) checkFunction('options.action', action);
      this.#action = action === undefined ? undefined : new BarrierAction(action);
      this.#timeout = timeout;
      this.#handle = syncBackend().barrier(parties, action !== undefined);
    }
    refuseClone(this, TAG);
  }

  /**
   * Arrives, and waits for the others without blocking the thread. Python: `wait(timeout)`.
   * @param wait.timeout Milliseconds; the barrier's own by default. When it passes, the barrier is broken.
   * @param wait.signal Ends the wait, which breaks the barrier as well.
   * @returns A number from 0 to `parties` - 1, another one for each party: the order of arrival.
   * @throws (as rejections) BrokenBarrierError when the barrier is broken, or becomes so, or is reset meanwhile; what the action
   * throws, where it ran; the signal's reason; TypeError, RangeError.
   */
  async wait(wait: Wait = FOR_EVER): Promise<number> {
    const { timeout = this.#timeout, signal } = readWait('wait', wait);
    throwIfAborted(signal);
    const arrival = await this.#handle.wait({ timeout, signal });
    if (arrival.outcome !== SyncOutcome.Leader) return passed(arrival, timeout);
    try {
      await this.#action?.run();
    } catch (error) {
      try {
        await this.#handle.finish(arrival.index, false);
      } catch {
        // The broker is gone, and nobody waits any more.
      }
      throw error;
    }
    if (!(await this.#handle.finish(arrival.index, true))) throw brokenMeanwhile();
    return this.parties - 1;
  }

  /**
   * The same, blocking the thread. The action must not return a promise.
   * @throws NotSupportedError on the fallback backend, beside what `wait` throws.
   */
  waitSync(wait?: SyncWait): number {
    const timeout = readSyncTimeout('wait', wait) ?? this.#timeout;
    const arrival = this.#handle.waitSync(timeout ?? Infinity);
    if (arrival.outcome !== SyncOutcome.Leader) return passed(arrival, timeout);
    try {
      this.#action?.runSync();
    } catch (error) {
      void this.#handle.finish(arrival.index, false);
      throw error;
    }
    // A backend that can block answers at once.
    if (this.#handle.finish(arrival.index, true) !== true) throw brokenMeanwhile();
    return this.parties - 1;
  }

  /** An empty barrier again, whatever it was; whoever waits gets BrokenBarrierError. Never waits. Python: `reset()`. */
  reset(): void {
    this.#handle.reset();
  }

  /** Breaks it until it is reset: whoever waits, or comes, gets BrokenBarrierError. Never waits. Python: `abort()`. */
  abort(): void {
    this.#handle.abort();
  }

  /** How many it takes to open. Python: `parties`. */
  get parties(): number {
    return this.#handle.parties;
  }

  /** How many wait now. Python: `n_waiting`. */
  get nWaiting(): number {
    return this.#handle.waiting();
  }

  /** Python: `broken`. */
  get broken(): boolean {
    return this.#handle.broken();
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    const state = this.broken
      ? 'broken'
      : `${String(this.nWaiting)} of ${String(this.parties)} waiting`;
    return `${TAG} { ${state} }`;
  }

  static {
    registerHandleReducer<Barrier, ReducedBarrier>(TAG, Barrier, {
      reduce: (barrier, transfer) => ({
        action: barrier.#action?.named(),
        timeout: barrier.#timeout,
        ...sendShared(barrier.#handle, transfer),
      }),
      rebuild: ({ action, timeout, ...shared }, handles) => {
        checkTimeout('timeout', timeout);
        if (action !== undefined) checkFunction('action', action);
        const named = action === undefined ? undefined : new BarrierAction(action);
        const handle = openShared('barrier', shared, handles);
        return new Barrier(new ArrivedBarrier(handle, named, timeout) as never);
      },
    });
  }
}

interface ReducedBarrier extends Shared {
  action: (() => unknown) | undefined;
  timeout: number | undefined;
}

function passed({ outcome, index }: Arrival, timeout: number | undefined): number {
  if (outcome === SyncOutcome.Done) return index;
  if (outcome === SyncOutcome.TimedOut) {
    throw new BrokenBarrierError(
      `the others did not come within ${String(timeout ?? 0)} ms, so the barrier is broken now`,
    );
  }
  throw new BrokenBarrierError(
    'the barrier is broken: it was aborted or reset, another wait at it ended early, or a process that had it died',
  );
}

function brokenMeanwhile(): BrokenBarrierError {
  return new BrokenBarrierError('the barrier was broken or reset while the action ran');
}
