import { inspect } from 'node:util';
import {
  SyncOutcome,
  type ConditionHandle,
  type LockHandle,
  type LockRequest,
} from '../backend/sync-contract.js';
import { throwIfAborted } from '../base/abort-signal.js';
import { Deadline } from '../base/deadline.js';
import {
  FOR_EVER,
  checkFunction,
  checkInteger,
  invalidType,
  readWait,
  type Wait,
} from '../base/options.js';
import { LockAbandonedError, StateError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { syncBackend } from './backend.js';
import { Lock } from './lock.js';
import type { Guard } from './guard.js';
import {
  ACQUIRE,
  holderOption,
  plainRequest,
  syncTimeout,
  type HolderOption,
  type SyncWait,
} from './options.js';
import { theDead, warnTaken } from './reports.js';
import { RLock, type RLockAcquireOptions, type RLockAcquireSyncOptions } from './rlock.js';
import { openShared, sendShared, type Shared } from './travel.js';

const TAG = 'Condition';

/** One that has arrived from another process. */
class ArrivedCondition {
  readonly handle: ConditionHandle;
  readonly lock: Lock;

  constructor(handle: ConditionHandle, lock: Lock) {
    this.handle = handle;
    this.lock = lock;
  }
}

/** What the caller has of the lock, while it waits without it. */
interface Resting {
  readonly handle: LockHandle;
  readonly request: LockRequest;
  readonly levels: number;
  /** The lock is the caller's again, or (`back` false) lost to him. */
  readonly resume: (back: boolean) => void;
  readonly rest: () => void;
}

/**
 * A lock, and waiting for something that whoever has the lock tells: wait for it while another changes what the lock protects.
 * It travels to other processes with its lock, as a Lock does. Python: `multiprocessing.Condition`.
 */
export class Condition {
  readonly #handle: ConditionHandle;
  /** The lock that goes with it. */
  readonly lock: Lock;

  /**
   * @param lock A Lock or an RLock, shared with whatever else uses it. A new RLock by default, as in Python.
   * @throws TypeError for anything else; SystemError when there is no more room.
   */
  constructor(lock?: Lock) {
    const given: unknown = lock;
    if (given instanceof ArrivedCondition) {
      this.#handle = given.handle;
      this.lock = given.lock;
    } else {
      if (given !== undefined && !(given instanceof Lock)) {
        throw invalidType('lock', 'a Lock or an RLock', given);
      }
      this.lock = lock ?? new RLock();
      this.#handle = syncBackend().condition();
    }
    refuseClone(this, TAG);
  }

  /** The lock's. */
  acquire(options?: RLockAcquireOptions): Promise<boolean> {
    return this.lock.acquire(options);
  }

  /** The lock's. */
  acquireSync(options?: RLockAcquireSyncOptions): boolean {
    return this.lock.acquireSync(options);
  }

  /** The lock's. */
  release(options?: HolderOption): void {
    (this.lock as RLock).release(options);
  }

  /** The lock's. */
  withLock<T>(body: () => T | PromiseLike<T>, wait?: RLockAcquireOptions): Promise<T> {
    return this.lock.withLock(body, wait);
  }

  /** The lock's. */
  withLockSync<T>(body: () => T, wait?: RLockAcquireSyncOptions): T {
    return this.lock.withLockSync(body, wait);
  }

  /** The lock's. */
  hold(wait?: RLockAcquireOptions): Promise<Guard> {
    return this.lock.hold(wait);
  }

  /** The lock's. */
  holdSync(wait?: RLockAcquireSyncOptions): Guard {
    return this.lock.holdSync(wait);
  }

  /**
   * Releases the lock, waits for a notification without blocking the thread, and takes the lock again, with all its levels,
   * whatever happened: whoever waits long for the lock comes back long after his time. What was waited for must be looked at
   * afterwards, best with `waitFor`. Python: `wait(timeout)`.
   * @param wait.timeout Milliseconds for the notification. Absent waits for ever, 0 releases the lock and takes it again.
   * @param wait.signal Ends the wait; the lock is the caller's again when the promise rejects.
   * @param wait.holder Who has the lock, as of RLock.
   * @returns True when notified, false when the time was over.
   * @throws (as rejections) StateError when the caller does not have the lock (Python: AssertionError); the signal's reason;
   * LockAbandonedError when a process died with the lock meanwhile: then the caller does not have it, the scopes and guards that
   * he is in release nothing, and whoever takes it there again releases it himself; TypeError, RangeError.
   */
  async wait(wait: Wait & HolderOption = FOR_EVER): Promise<boolean> {
    const limits = readWait('wait', wait, ACQUIRE);
    throwIfAborted(limits.signal);
    const resting = this.#resting('wait', wait);
    let rested = false;
    const rest = (): void => {
      rested = true;
      resting.rest();
    };
    try {
      return (await this.#handle.wait(rest, limits)) === SyncOutcome.Done;
    } finally {
      if (rested) await takeAgain(resting);
    }
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `wait` throws. */
  waitSync(wait?: SyncWait & HolderOption): boolean {
    const timeout = syncTimeout('wait', wait, ACQUIRE);
    this.#handle.checkBlocking('waitSync');
    const resting = this.#resting('wait', wait);
    let rested = false;
    const rest = (): void => {
      rested = true;
      resting.rest();
    };
    try {
      return this.#handle.waitSync(rest, timeout) === SyncOutcome.Done;
    } finally {
      if (rested) takeAgainSync(resting);
    }
  }

  /**
   * Waits until the predicate answers something true: it is asked at first and after every notification, with the lock. Python:
   * `wait_for(predicate, timeout)`.
   * @param predicate May answer with a promise.
   * @param wait As of `wait`; the timeout is for all of it.
   * @returns Whether it was true; false when the time was over.
   * @throws (as rejections) what `wait` and the predicate throw.
   */
  async waitFor(predicate: () => unknown, wait: Wait & HolderOption = FOR_EVER): Promise<boolean> {
    checkFunction('predicate', predicate);
    const { timeout, signal } = readWait('wait', wait, ACQUIRE);
    const holder = holderOption(wait);
    this.#resting('wait for', { holder });
    const deadline = Deadline.after(timeout);
    for (;;) {
      if (await predicate()) return true;
      if (deadline.passed) return false;
      await this.wait({ timeout: deadline.remainingMs(), signal, holder });
    }
  }

  /** The blocking form; its predicate answers at once. @throws NotSupportedError on the fallback backend, true or not. */
  waitForSync(predicate: () => unknown, wait?: SyncWait & HolderOption): boolean {
    checkFunction('predicate', predicate);
    const timeout = syncTimeout('wait', wait, ACQUIRE);
    this.#handle.checkBlocking('waitForSync');
    const holder = holderOption(wait);
    this.#resting('wait for', { holder });
    const deadline = Deadline.after(timeout);
    for (;;) {
      if (predicate()) return true;
      if (deadline.passed) return false;
      this.waitSync({ timeout: deadline.remainingMs(), holder });
    }
  }

  /**
   * Wakes so many of those who wait, in turn as of `Lock.acquire`; fewer when there are fewer. They go on when they have the lock.
   * One that has died does not count. Never waits, where Python waits for those that it woke. Python: `notify(n)`.
   * @param n An integer of at least 1.
   * @throws StateError when the caller does not have the lock (Python: AssertionError); TypeError, RangeError.
   */
  notify(n = 1, options?: HolderOption): void {
    checkInteger('n', n, 1);
    this.#resting('notify', options);
    this.#handle.notify(n);
  }

  /** Wakes all who wait. Python: `notify_all()`. @throws StateError when the caller does not have the lock. */
  notifyAll(options?: HolderOption): void {
    this.#resting('notify', options);
    this.#handle.notify(Infinity);
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    return `${TAG} { ${inspect(this.lock)} }`;
  }

  #resting(verb: string, options: HolderOption | undefined): Resting {
    const { lock } = this;
    const handle = Lock.handleOf(lock);
    if (lock instanceof RLock) {
      const held = RLock.heldBy(lock, options);
      if (held !== undefined) {
        const { number, levels } = held;
        let anonymous = false;
        let guards: Guard[] = [];
        return {
          handle,
          levels,
          request: { holder: number, takeAbandoned: Lock.takes(lock) },
          rest: () => {
            anonymous = RLock.rest(lock, held);
            guards = Lock.restGuards(lock);
            for (let level = levels; level > 0; level -= 1) handle.release(number);
          },
          resume: (back) => {
            RLock.resume(lock, held, anonymous, back);
            Lock.resumeGuards(lock, guards, back);
          },
        };
      }
    } else {
      holderOption(options);
      if (handle.count(0) > 0) return restOfLock(lock, handle);
    }
    throw new StateError(`cannot ${verb}: the caller does not have the condition's lock`);
  }

  static {
    registerHandleReducer<Condition, ReducedCondition>(TAG, Condition, {
      // The lock is a value of its own: who is sent both gets the same lock in both places.
      reduce: (condition, transfer) => ({
        ...sendShared(condition.#handle, transfer),
        lock: condition.lock,
      }),
      rebuild: (data, handles) => {
        const lock: unknown = data.lock;
        if (!(lock instanceof Lock)) throw invalidType('lock', 'a Lock or an RLock', lock);
        const handle = openShared('condition', data, handles);
        return new Condition(new ArrivedCondition(handle, lock) as never);
      },
    });
  }
}

interface ReducedCondition extends Shared {
  lock: Lock;
}

function restOfLock(lock: Lock, handle: LockHandle): Resting {
  let guards: Guard[] = [];
  return {
    handle,
    levels: 1,
    request: plainRequest(Lock.takes(lock)),
    rest: () => {
      guards = Lock.restGuards(lock);
      handle.release(0);
    },
    resume: (back) => {
      Lock.resumeGuards(lock, guards, back);
    },
  };
}

async function takeAgain({ handle, request, levels, resume }: Resting): Promise<void> {
  let back = false;
  try {
    for (let level = 0; level < levels; level += 1) {
      const begun = handle.acquire(request, FOR_EVER);
      checkTaken(typeof begun === 'number' ? begun : await begun, handle);
    }
    back = true;
  } finally {
    resume(back);
  }
}

function takeAgainSync({ handle, request, levels, resume }: Resting): void {
  let back = false;
  try {
    for (let level = 0; level < levels; level += 1) {
      checkTaken(handle.acquireSync(request, Infinity), handle);
    }
    back = true;
  } finally {
    resume(back);
  }
}

function checkTaken(outcome: SyncOutcome, handle: LockHandle): void {
  if (outcome === SyncOutcome.Done) return;
  const pid = handle.abandonedPid() || undefined;
  if (outcome === SyncOutcome.DoneAbandoned) {
    warnTaken(pid);
    return;
  }
  throw new LockAbandonedError(
    `${theDead(pid)} died with the lock while it was waited for, and the lock is not held now`,
    { pid },
  );
}
