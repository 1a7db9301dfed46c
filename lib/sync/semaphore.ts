import { inspect } from 'node:util';
import { MAX_PERMITS, SyncOutcome, type SemaphoreHandle } from '../backend/sync-contract.js';
import { checkFunction, checkInteger, type Wait } from '../base/options.js';
import { TimeoutError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { syncBackend } from './backend.js';
import { Guard, runGuarded, runGuardedSync } from './guard.js';
import { acquireTimeout, acquireWait, type Blocking, type SyncWait, readOnce } from './options.js';
import { overReleased } from './reports.js';
import { openShared, sendShared, type Shared } from './travel.js';

/** @internal One that is there already: it has arrived from another process, or been opened by its name. */
export class ArrivedSemaphore<H extends SemaphoreHandle = SemaphoreHandle> {
  readonly handle: H;

  constructor(handle: H) {
    this.handle = handle;
  }
}

/**
 * A counter of permits, for as many processes at a time. Anybody may release, also more than was ever acquired. Permits that a
 * process had when it died are lost, as in Python; those of a BoundedSemaphore return. It travels to other processes as a Lock
 * does. Python: `multiprocessing.Semaphore`.
 */
export class Semaphore {
  readonly #handle: SemaphoreHandle;

  /**
   * @param value How many permits there are at first: an integer from 0 to 2^31 - 1.
   * @throws TypeError, RangeError for another value (Python: OSError); SystemError when there is no more room.
   */
  constructor(value = 1) {
    const given: unknown = value;
    if (given instanceof ArrivedSemaphore) this.#handle = given.handle as SemaphoreHandle;
    else {
      checkInteger('value', value, 0, MAX_PERMITS);
      this.#handle = this.newHandle(value);
    }
    refuseClone(this, 'Semaphore');
  }

  /**
   * Takes a permit, without blocking the thread until there is one; in turn, as of `Lock.acquire`. Python: `acquire(block, timeout)`.
   * @param options.timeout Milliseconds. Absent waits for ever, 0 tries once.
   * @param options.signal Ends the wait.
   * @param options.block False tries once, whatever the timeout.
   * @returns True when a permit was taken, false when the time was over.
   * @throws (as rejections) the signal's reason; TypeError and RangeError for wrong options.
   */
  async acquire(options?: Wait & Blocking): Promise<boolean> {
    const begun = this.#handle.acquire(acquireWait(options));
    return (typeof begun === 'number' ? begun : await begun) === SyncOutcome.Done;
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `acquire` throws. */
  acquireSync(options?: SyncWait & Blocking): boolean {
    return this.#handle.acquireSync(acquireTimeout(options)) === SyncOutcome.Done;
  }

  /**
   * Gives back so many permits, of its own or anybody's. Never waits. Python: `release()`, one at a time.
   * @param n An integer of at least 1.
   * @throws RangeError, and nothing is released, when there would be more than 2^31 - 1, or, of a BoundedSemaphore, more than at
   * first (Python: ValueError).
   */
  release(n = 1): void {
    if (n !== 1) checkInteger('n', n, 1, MAX_PERMITS);
    if (!this.#handle.release(n)) throw overReleased(n);
  }

  /** How many permits are free. Never waits, and may be outdated at once. Python: `get_value()`. */
  getValue(): number {
    return this.#handle.value();
  }

  /** Whether there is no free permit. Python: `locked()`. */
  locked(): boolean {
    return this.#handle.value() === 0;
  }

  /** Runs the body with a permit, which returns when the body's promise has settled. As `Lock.withLock`. */
  async withLock<T>(body: () => T | PromiseLike<T>, wait?: Wait & Blocking): Promise<T> {
    checkFunction('body', body);
    const limits = readOnce(wait);
    if (!(await this.acquire(limits))) throw noPermit(limits);
    return runGuarded(this.#guard(), body);
  }

  /** The blocking form. As `Lock.withLockSync`. */
  withLockSync<T>(body: () => T, wait?: SyncWait & Blocking): T {
    checkFunction('body', body);
    const limits = readOnce(wait);
    if (!this.acquireSync(limits)) throw noPermit(limits);
    return runGuardedSync(this.#guard(), body);
  }

  /** Takes a permit and resolves to a guard that gives it back. @throws TimeoutError; what `acquire` throws. */
  async hold(wait?: Wait & Blocking): Promise<Guard> {
    const limits = readOnce(wait);
    if (!(await this.acquire(limits))) throw noPermit(limits);
    return this.#guard();
  }

  /** The blocking form. */
  holdSync(wait?: SyncWait & Blocking): Guard {
    const limits = readOnce(wait);
    if (!this.acquireSync(limits)) throw noPermit(limits);
    return this.#guard();
  }

  #guard(): Guard {
    return new Guard(() => {
      this.release();
    });
  }

  get [Symbol.toStringTag](): string {
    return 'Semaphore';
  }

  [inspect.custom](): string {
    return `${this[Symbol.toStringTag]} { value: ${String(this.getValue())} }`;
  }

  /** @internal */
  protected newHandle(value: number): SemaphoreHandle {
    return syncBackend().semaphore(value);
  }

  static {
    registerHandleReducer<Semaphore, Shared>('Semaphore', Semaphore, {
      reduce: (semaphore, transfer) => Semaphore.send(semaphore, transfer),
      rebuild: (data, handles) =>
        new Semaphore(new ArrivedSemaphore(openShared('semaphore', data, handles)) as never),
    });
  }

  /** @internal */
  static send(semaphore: Semaphore, transfer: Parameters<typeof sendShared>[1]): Shared {
    return sendShared(semaphore.#handle, transfer);
  }
}

/**
 * A Semaphore of which no more can be released than were acquired. What a process had of it when it died returns, of one with up
 * to 1,024 permits: of more the native backend does not know who has which, and they are lost. Python:
 * `multiprocessing.BoundedSemaphore`.
 */
export class BoundedSemaphore extends Semaphore {
  /** @param value As of Semaphore; also the bound. */
  constructor(value = 1) {
    super(value);
    refuseClone(this, 'BoundedSemaphore');
  }

  override get [Symbol.toStringTag](): string {
    return 'BoundedSemaphore';
  }

  /** @internal */
  protected override newHandle(value: number): SemaphoreHandle {
    return syncBackend().boundedSemaphore(value);
  }

  static {
    registerHandleReducer<BoundedSemaphore, Shared>('BoundedSemaphore', BoundedSemaphore, {
      reduce: (semaphore, transfer) => Semaphore.send(semaphore, transfer),
      rebuild: (data, handles) => {
        const handle = openShared('boundedSemaphore', data, handles);
        return new BoundedSemaphore(new ArrivedSemaphore(handle) as never);
      },
    });
  }
}

function noPermit(wait: SyncWait | undefined): TimeoutError {
  return new TimeoutError(`no permit was free within ${String(wait?.timeout ?? 0)} ms`);
}
