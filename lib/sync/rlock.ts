import { inspect } from 'node:util';
import { SyncOutcome, type LockHandle } from '../backend/sync-contract.js';
import { checkFunction, type Wait } from '../base/options.js';
import { NotOwnerError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { syncBackend } from './backend.js';
import { runGuarded, runGuardedSync, type Guard } from './guard.js';
import { Holder, holderFor, runInScope, scopeHolder, standFor, THREAD } from './holders.js';
import {
  Lock,
  arrivedLock,
  notInTime,
  type AcquireOptions,
  type AcquireSyncOptions,
  type LockOptions,
  type ReducedLock,
} from './lock.js';
import {
  acquireTimeout,
  acquireWait,
  holderOption,
  takeOption,
  type HolderOption,
  readOnce,
} from './options.js';
import { warnAnonymous } from './reports.js';

const TAG = 'RLock';
const THREAD_PLAIN = Object.freeze({ holder: THREAD, takeAbandoned: false });
const THREAD_TAKING = Object.freeze({ holder: THREAD, takeAbandoned: true });

export type RLockAcquireOptions = AcquireOptions & HolderOption;
export type RLockAcquireSyncOptions = AcquireSyncOptions & HolderOption;

/**
 * A lock that its holder may acquire again, and must release as often. Only the holder may release it. Python:
 * `multiprocessing.RLock`, whose holder is a thread of a process.
 *
 * Here the holder is, in this order: the object given as `holder`; inside of `withLock(body)`, that scope, with everything
 * called from the body until it has settled; the thread, for the blocking forms; and for `acquire()` alone, nobody in particular: two
 * tasks of one process do not share a lock, and a promise cannot tell whose it is, so this one is not reentrant.
 */
export class RLock extends Lock {
  readonly #handle: LockHandle;
  /** Who has it by an `acquire()` that says nothing about its task. At most one does at a time. */
  #anonymous: Holder | undefined;

  /** @param options As of Lock. */
  constructor(options?: LockOptions) {
    super(options);
    this.#handle = Lock.handleOf(this);
    refuseClone(this, TAG);
  }

  /**
   * As of Lock; at once when the holder has the lock already.
   * @param options.holder Any object: whoever passes the same one is the same holder.
   */
  override async acquire(options?: RLockAcquireOptions): Promise<boolean> {
    const wait = acquireWait(options);
    const asked = takeOption(options);
    const known = this.#namedHolder(holderOption(options));
    const holder = known ?? new Holder();
    const request = { holder: holder.use(), takeAbandoned: asked ?? Lock.takes(this) };
    let taken = false;
    try {
      let begun = this.#handle.acquire(request, wait);
      if (typeof begun !== 'number') {
        if (known === undefined) this.#warnOfItself(wait);
        begun = await begun;
      }
      taken = this.settle(begun, asked);
    } finally {
      if (!taken) holder.leave();
    }
    if (taken && known === undefined) this.#anonymous = holder;
    return taken;
  }

  /** As of Lock. Outside of a scope and without a holder it belongs to the thread, which may acquire it again. */
  override acquireSync(options?: RLockAcquireSyncOptions): boolean {
    if (options === undefined && scopeHolder(this) === undefined) {
      const request = Lock.takes(this) ? THREAD_TAKING : THREAD_PLAIN;
      const outcome = this.#handle.acquireSync(request, Infinity);
      return outcome === SyncOutcome.Done || this.settle(outcome);
    }
    const timeout = acquireTimeout(options);
    const asked = takeOption(options);
    const takeAbandoned = asked ?? Lock.takes(this);
    const holder = this.#namedHolder(holderOption(options));
    let taken = false;
    try {
      const request = { holder: holder?.use() ?? THREAD, takeAbandoned };
      taken = this.settle(this.#handle.acquireSync(request, timeout), asked);
    } finally {
      if (!taken) holder?.leave();
    }
    return taken;
  }

  /**
   * Gives up one level; at the last the lock is free. Never waits. Without a holder and outside of a scope: what the thread has,
   * else what an `acquire()` that named no holder has.
   * @throws NotOwnerError, which is a StateError, when the holder does not have it (Python: AssertionError).
   */
  override release(options?: HolderOption): void {
    if (options === undefined && scopeHolder(this) === undefined) {
      if (this.#handle.release(THREAD)) return;
      const anonymous = this.#anonymous;
      if (anonymous === undefined) throw notOwned();
      this.#anonymous = undefined;
      this.#releaseFor(anonymous);
      return;
    }
    const holder = this.#namedHolder(holderOption(options));
    if (holder === undefined) this.release();
    else this.#releaseFor(holder);
  }

  /** How many levels the caller has, by the same rules as `release`. Never waits. */
  count(options?: HolderOption): number {
    return this.#held(options)?.levels ?? 0;
  }

  /**
   * As of Lock. Everything that is called from the body, asynchronously too, has the lock: `acquire`, `acquireSync`, `release`
   * and `withLock` there are the same holder's.
   */
  override async withLock<T>(
    body: () => T | PromiseLike<T>,
    wait?: RLockAcquireOptions,
  ): Promise<T> {
    checkFunction('body', body);
    const limits = readOnce(wait);
    const holder = this.#namedHolder(holderOption(limits)) ?? new Holder();
    if (!(await this.acquire({ ...limits, holder: objectFor(holder) }))) throw notInTime(limits);
    return runGuarded(this.#releasing(holder), () => runInScope(this, holder, body));
  }

  override withLockSync<T>(body: () => T, wait?: RLockAcquireSyncOptions): T {
    checkFunction('body', body);
    return runGuardedSync(this.holdSync(wait), body);
  }

  /** As of Lock. The guard is also a holder: `acquire({ holder: guard })` is one more level of it. */
  override async hold(wait?: RLockAcquireOptions): Promise<Guard> {
    const limits = readOnce(wait);
    const holder = this.#namedHolder(holderOption(limits)) ?? new Holder();
    if (!(await this.acquire({ ...limits, holder: objectFor(holder) }))) throw notInTime(limits);
    return this.#guard(holder);
  }

  /** The blocking form. Outside of a scope the guard's hold is the thread's, as of `acquireSync`. */
  override holdSync(wait?: RLockAcquireSyncOptions): Guard {
    const limits = readOnce(wait);
    const holder = this.#namedHolder(holderOption(limits));
    if (!this.acquireSync(limits)) throw notInTime(limits);
    if (holder !== undefined) return this.#guard(holder);
    return this.guarded(() => {
      if (!this.#handle.release(THREAD)) throw notOwned();
    });
  }

  override get [Symbol.toStringTag](): string {
    return TAG;
  }

  override [inspect.custom](): string {
    const levels = this.count();
    return `${TAG} { ${this.holding()}${levels > 0 ? `, count ${String(levels)}` : ''} }`;
  }

  /** @internal */
  protected override newHandle(): LockHandle {
    return syncBackend().rlock();
  }

  #namedHolder(object: object | undefined): Holder | undefined {
    if (object === undefined) return scopeHolder(this);
    return object instanceof HolderObject ? object.holder : holderFor(object);
  }

  #releaseFor(holder: Holder): void {
    if (holder.number === 0 || !this.#handle.release(holder.number)) throw notOwned();
    holder.leave();
  }

  #guard(holder: Holder): Guard {
    const guard = this.#releasing(holder);
    standFor(guard, holder);
    return guard;
  }

  #releasing(holder: Holder): Guard {
    return this.guarded(() => {
      this.#releaseFor(holder);
    });
  }

  #warnOfItself({ timeout = Infinity }: Wait): void {
    const number = this.#anonymous?.number ?? 0;
    if (timeout === Infinity && number !== 0 && this.#handle.count(number) > 0) warnAnonymous();
  }

  /** What the caller has of the lock. */
  #held(options: HolderOption | undefined): HeldRLock | undefined {
    const named = this.#namedHolder(holderOption(options));
    if (named !== undefined) return this.#heldBy(named, named.number);
    return (
      this.#heldBy(undefined, THREAD) ?? this.#heldBy(this.#anonymous, this.#anonymous?.number)
    );
  }

  #heldBy(holder: Holder | undefined, number = 0): HeldRLock | undefined {
    const levels = number === 0 ? 0 : this.#handle.count(number);
    return levels === 0 ? undefined : { holder, number, levels };
  }

  /** For Condition. @internal */
  static heldBy(lock: RLock, options: HolderOption | undefined): HeldRLock | undefined {
    return lock.#held(options);
  }

  /** For Condition: the hold rests. @internal */
  static rest(lock: RLock, { holder }: HeldRLock): boolean {
    const anonymous = holder !== undefined && lock.#anonymous === holder;
    if (anonymous) lock.#anonymous = undefined;
    return anonymous;
  }

  /** @internal */
  static resume(
    lock: RLock,
    { holder, levels }: HeldRLock,
    anonymous: boolean,
    back: boolean,
  ): void {
    if (back) {
      if (anonymous) lock.#anonymous = holder;
    } else for (let level = levels; level > 0; level -= 1) holder?.leave();
  }

  static {
    registerHandleReducer<RLock, ReducedLock>(TAG, RLock, {
      reduce: (lock, transfer) => Lock.reduce(lock, transfer),
      rebuild: (data, handles) => new RLock(arrivedLock('rlock', data, handles)),
    });
  }
}

/** A hold on an RLock, as a Condition needs it. */
export interface HeldRLock {
  /** Undefined for the thread. */
  readonly holder: Holder | undefined;
  readonly number: number;
  readonly levels: number;
}

/** A holder as an option. */
class HolderObject {
  readonly holder: Holder;

  constructor(holder: Holder) {
    this.holder = holder;
  }
}

function objectFor(holder: Holder): object {
  return new HolderObject(holder);
}

function notOwned(): NotOwnerError {
  return new NotOwnerError(
    'the RLock can only be released by its holder: the caller does not have it',
  );
}
