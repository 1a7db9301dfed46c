/** A lock among processes, as Python's: whoever has it or has not may release it. */
import { inspect } from 'node:util';
import type { TransferHandle } from '../backend/contract.js';
import { SyncOutcome, type LockHandle } from '../backend/sync-contract.js';
import { checkFunction, type Wait } from '../base/options.js';
import { LockAbandonedError, TimeoutError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { syncBackend } from './backend.js';
import { Guard, runGuarded, runGuardedSync } from './guard.js';
import {
  acquireTimeout,
  acquireWait,
  plainRequest,
  takeOption,
  type Blocking,
  type SyncWait,
  type TakeOption,
  readOnce,
} from './options.js';
import { notHeld, theDead, warnTaken } from './reports.js';
import { openShared, sendShared, type Shared } from './travel.js';

const TAG = 'Lock';

export type LockOptions = TakeOption;
export type AcquireOptions = Wait & Blocking & TakeOption;
export type AcquireSyncOptions = SyncWait & Blocking & TakeOption;

/** A lock that has arrived from another process. @internal */
export class ArrivedLock {
  readonly handle: LockHandle;
  readonly takeAbandoned: boolean;

  constructor(handle: LockHandle, takeAbandoned: boolean) {
    this.handle = handle;
    this.takeAbandoned = takeAbandoned;
  }
}

/**
 * Mutual exclusion among processes. Not reentrant: who has it and acquires it again waits for himself. Any process may release it.
 * It travels to other processes as an argument, inside a value or over a Connection, and all of them then have the same lock.
 *
 * Unlike Python's it cannot be orphaned: when the process that has it dies, the next `acquire` rejects with LockAbandonedError,
 * and so does every other one until somebody takes it with `takeAbandoned`. Python: `multiprocessing.Lock`.
 */
export class Lock {
  readonly #handle: LockHandle;
  readonly #takes: boolean;
  /** Of the scopes and guards of whoever has it here, to be told when a Condition's wait loses it. */
  #guards: Guard[] = [];

  /**
   * @param options.takeAbandoned Take the lock when its holder has died with it, with a process warning that names the process
   * that died, instead of rejecting with LockAbandonedError. Default false.
   * @throws TypeError for options of another type; SystemError when there is no more room for locks.
   */
  constructor(options?: LockOptions) {
    if (options instanceof ArrivedLock) {
      this.#handle = options.handle;
      this.#takes = options.takeAbandoned;
    } else {
      const takes = takeOption(options) ?? false;
      this.#handle = this.newHandle();
      this.#takes = takes;
    }
    refuseClone(this, TAG);
  }

  /**
   * Waits for the lock without blocking the thread, and takes it. Natively processes take turns, and in one process it is first come,
   * first served; on the fallback it is that among all. Python: `acquire(block, timeout)`.
   * @param options.timeout Milliseconds. Absent waits for ever, 0 tries once. A busy event loop may be given the lock past it.
   * @param options.signal Ends the wait.
   * @param options.block False tries once, whatever the timeout.
   * @param options.takeAbandoned As the constructor's, for this call alone, without a warning.
   * @returns True when the lock was taken, false when the time was over.
   * @throws (as rejections) LockAbandonedError, the signal's reason, TypeError and RangeError for wrong options.
   */
  async acquire(options?: AcquireOptions): Promise<boolean> {
    const wait = acquireWait(options);
    const asked = takeOption(options);
    const begun = this.#handle.acquire(plainRequest(asked ?? this.#takes), wait);
    return this.settle(typeof begun === 'number' ? begun : await begun, asked);
  }

  /**
   * The same, blocking the thread. The event loop stands still meanwhile, so the lock must not be one that this very thread would
   * release. @throws NotSupportedError on the fallback backend, beside what `acquire` throws.
   */
  acquireSync(options?: AcquireSyncOptions): boolean {
    if (options === undefined) {
      const outcome = this.#handle.acquireSync(plainRequest(this.#takes), Infinity);
      return outcome === SyncOutcome.Done || this.settle(outcome);
    }
    const timeout = acquireTimeout(options);
    const asked = takeOption(options);
    const request = plainRequest(asked ?? this.#takes);
    return this.settle(this.#handle.acquireSync(request, timeout), asked);
  }

  /**
   * Gives the lock to whoever waits for it. Never waits. Python: `release()`.
   * @throws RangeError when nobody has it (Python: ValueError).
   */
  release(): void {
    if (!this.#handle.release(0)) throw notHeld('lock');
  }

  /** Whether somebody has it, in any process. Never waits. Python: `locked()`. */
  locked(): boolean {
    return this.#handle.locked();
  }

  /**
   * Runs the body with the lock and releases it when the body's promise, if any, has settled. Python: `with lock:`.
   * @param wait As of `acquire`.
   * @returns What the body returns or resolves to.
   * @throws (as rejections) What the body throws, also when the lock cannot be released then; TimeoutError when the lock was not
   * there in time; what `acquire` and `release` throw.
   */
  async withLock<T>(body: () => T | PromiseLike<T>, wait?: AcquireOptions): Promise<T> {
    checkFunction('body', body);
    const limits = readOnce(wait);
    if (!(await this.acquire(limits))) throw notInTime(limits);
    return runGuarded(this.#releasing(), body);
  }

  /**
   * The blocking form, for a body that returns without a promise.
   * @throws TypeError when the body returns a promise; what `acquireSync` and the body throw.
   */
  withLockSync<T>(body: () => T, wait?: AcquireSyncOptions): T {
    checkFunction('body', body);
    const limits = readOnce(wait);
    if (!this.acquireSync(limits)) throw notInTime(limits);
    return runGuardedSync(this.#releasing(), body);
  }

  /**
   * Takes the lock and resolves to a guard that releases it: `using guard = await lock.hold()`. Does not block.
   * @throws (as rejections) TimeoutError when the lock was not there in time; what `acquire` throws.
   */
  async hold(wait?: AcquireOptions): Promise<Guard> {
    const limits = readOnce(wait);
    if (!(await this.acquire(limits))) throw notInTime(limits);
    return this.#releasing();
  }

  /** The blocking form: `using guard = lock.holdSync()`. */
  holdSync(wait?: AcquireSyncOptions): Guard {
    const limits = readOnce(wait);
    if (!this.acquireSync(limits)) throw notInTime(limits);
    return this.#releasing();
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    return `${TAG} { ${this.holding()} }`;
  }

  #releasing(): Guard {
    return this.guarded(() => {
      this.release();
    });
  }

  /** For whoever has just acquired it. @internal */
  protected guarded(release: () => void): Guard {
    const guard = new Guard(() => {
      const place = this.#guards.indexOf(guard);
      if (place >= 0) this.#guards.splice(place, 1);
      release();
    });
    this.#guards.push(guard);
    return guard;
  }

  /** Who has it, for people to read. @internal */
  protected holding(): string {
    if (this.#handle.abandoned()) return `abandoned by ${theDead(this.#handle.abandonedPid())}`;
    if (!this.locked()) return 'unlocked';
    const pid = this.#handle.ownerPid();
    return pid === 0 ? 'locked' : `locked by process ${String(pid)}`;
  }

  /** @internal */
  protected newHandle(): LockHandle {
    return syncBackend().lock();
  }

  /** `asked`: the call itself has said what it does with a lock whose holder has died. @internal */
  protected settle(outcome: SyncOutcome, asked?: boolean): boolean {
    if (outcome === SyncOutcome.Done) return true;
    if (outcome === SyncOutcome.TimedOut) return false;
    const pid = this.#handle.abandonedPid() || undefined;
    if (outcome === SyncOutcome.DoneAbandoned) {
      if (asked !== true) warnTaken(pid);
      return true;
    }
    throw new LockAbandonedError(
      `${theDead(pid)} died while it held the lock, and what the lock protects may be half done: ` +
        'acquire({ takeAbandoned: true }) takes the lock all the same',
      { pid },
    );
  }

  /** For Condition. @internal */
  static handleOf(lock: Lock): LockHandle {
    return lock.#handle;
  }

  /** For Condition: the guards of who has it rest, while others may have it. @internal */
  static restGuards(lock: Lock): Guard[] {
    const guards = lock.#guards;
    lock.#guards = [];
    return guards;
  }

  /** They have the lock again, or (`back` false) lost it, and must not release what is another's now. @internal */
  static resumeGuards(lock: Lock, guards: readonly Guard[], back: boolean): void {
    if (back) lock.#guards.push(...guards);
    else for (const guard of guards) Guard.lose(guard);
  }

  /** For Condition: whether it was made to be taken from the dead. @internal */
  static takes(lock: Lock): boolean {
    return lock.#takes;
  }

  /** @internal */
  static reduce(lock: Lock, transfer: Parameters<typeof sendShared>[1]): ReducedLock {
    return { ...sendShared(lock.#handle, transfer), takeAbandoned: lock.#takes };
  }

  static {
    registerHandleReducer<Lock, ReducedLock>(TAG, Lock, {
      reduce: (lock, transfer) => Lock.reduce(lock, transfer),
      rebuild: (data, handles) => new Lock(arrivedLock('lock', data, handles)),
    });
  }
}

export interface ReducedLock extends Shared {
  takeAbandoned: boolean;
}

/** @internal */
export function arrivedLock(
  kind: 'lock' | 'rlock',
  data: ReducedLock,
  handles: readonly TransferHandle[],
): LockOptions {
  const handle = openShared(kind, data, handles);
  return new ArrivedLock(handle, (data.takeAbandoned as unknown) === true);
}

/** @internal */
export function notInTime(wait: SyncWait | undefined): TimeoutError {
  return new TimeoutError(`the lock was not free within ${String(wait?.timeout ?? 0)} ms`);
}
