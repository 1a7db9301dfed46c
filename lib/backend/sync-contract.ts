/**
 * What a backend gives to `lib/sync`: the shared objects themselves, without Python's manners. Two keep it: `native` (shared
 * memory) and `fallback` (the broker). Everything here is about one object as seen from this process (natively: this thread).
 *
 * Arguments have been checked by the caller. An operation that may have to wait answers at once when it can, else with a
 * promise; `wait.timeout` is milliseconds, 0 tries once. A signal that is aborted rejects with its reason and leaves no trace: what
 * had been given to the waiter goes on to the next. A pending wait keeps the event loop alive. Every `…Sync` form blocks the thread;
 * the fallback throws NotSupportedError.
 */
import type { Wait } from '../base/options.js';
import type { TransferHandle } from './contract.js';

/** How a wait ends; the numbers are native/sync/outcome.h's. */
export enum SyncOutcome {
  /** Acquired, notified, set, or the barrier has opened. */
  Done = 1,
  /** A lock was acquired whose holder had died, as asked for. */
  DoneAbandoned = 2,
  /** Last at a barrier with an action: run it, then `finish`. */
  Leader = 3,
  TimedOut = 4,
  /** The holder of the lock has died; the lock stays abandoned. */
  Abandoned = 5,
  /** The barrier is broken. */
  Broken = 6,
}

export type Begun = SyncOutcome | Promise<SyncOutcome>;

/** One shared object, open in this process. It stays open while this handle is reachable, and what this process holds of it longer. */
export interface SharedHandle {
  /** For a message: the receiver gets a handle of its own by `SyncBackend.fromTransfer`, also when this one is gone by then. */
  toTransfer(): { readonly reference: unknown; readonly handle: TransferHandle | undefined };
}

export interface LockRequest {
  /**
   * Who inside this process is to hold it: 0 for a Lock, which anybody may release, else 1 to 2^24 - 1, the task or the thread
   * for whom a reentrant lock is taken.
   */
  readonly holder: number;
  /** Take it although its holder died: DoneAbandoned instead of Abandoned. */
  readonly takeAbandoned: boolean;
}

export interface LockHandle extends SharedHandle {
  /** A reentrant lock held by the same holder of this process is taken once more, at once. */
  acquire(request: LockRequest, wait: Wait): Begun;
  acquireSync(request: LockRequest, timeoutMs: number): SyncOutcome;
  /** One level of a reentrant lock. False, and nothing done, when nobody holds it, or (reentrant) that holder does not. */
  release(holder: number): boolean;
  locked(): boolean;
  /** Nobody has it, and its last holder died with it; natively as far as somebody has come to look. */
  abandoned(): boolean;
  /** How often that holder of this process has it; a Lock: 1 or 0. */
  count(holder: number): number;
  /** The process that has it, for people to read: 0 when nobody has, and it may be outdated at once. */
  ownerPid(): number;
  /** The process that died with the lock, while it is abandoned or was taken as such; 0 when it is not known. */
  abandonedPid(): number;
}

export interface SemaphoreHandle extends SharedHandle {
  acquire(wait: Wait): Begun;
  acquireSync(timeoutMs: number): SyncOutcome;
  /** False, and nothing released, when the value would pass the bound. */
  release(permits: number): boolean;
  value(): number;
}

export interface ConditionHandle extends SharedHandle {
  /**
   * Enrols, then calls `release` (which releases the caller's lock) and only then waits: a notification that comes after the
   * release counts. Taking the lock again is the caller's affair. When `release` throws, nobody waits and the error goes on.
   */
  wait(release: () => void, wait: Wait): Begun;
  waitSync(release: () => void, timeoutMs: number): SyncOutcome;
  /** For a caller with something to do before it blocks. @throws NotSupportedError on the fallback. */
  checkBlocking(method: 'waitSync' | 'waitForSync'): void;
  /** Wakes up to `count` (Infinity: all) waiters that live. */
  notify(count: number): void;
}

export interface EventHandle extends SharedHandle {
  set(): void;
  clear(): void;
  isSet(): boolean;
  wait(wait: Wait): Begun;
  waitSync(timeoutMs: number): SyncOutcome;
}

/** An arrival at a barrier, and how the wait ended. */
export interface Arrival {
  readonly outcome: SyncOutcome;
  /** Its place in the order of arrival, 0 first. Of a Leader, whose place is the last: what it finishes. */
  readonly index: number;
}

export interface BarrierHandle extends SharedHandle {
  readonly parties: number;
  /** A wait whose time is over or whose signal is aborted breaks the barrier: Broken for the others, TimedOut or the reason here. */
  wait(wait: Wait): Arrival | Promise<Arrival>;
  waitSync(timeoutMs: number): Arrival;
  /**
   * By the leader, with its `index`, after the action: opens the barrier, or, when the action has failed, breaks it. Does nothing,
   * and answers false, when those that it leads have been sent away meanwhile: others may have met since.
   */
  finish(led: number, opens: boolean): boolean | Promise<boolean>;
  abort(): void;
  reset(): void;
  waiting(): number;
  broken(): boolean;
}

/** sem_open(3). What several processes, in any language, share by name. It travels as its name. */
export interface NamedSemaphoreHandle extends SemaphoreHandle {
  /** sem_close(3). Idempotent; pending waits reject with ClosedError, and so does every later use. */
  close(): void;
}

export interface NamedSemaphores {
  /** With `exclusive`, EEXIST when there is one; else that one is opened and `value` and `mode` count for nothing. */
  create(name: string, value: number, exclusive: boolean, mode: number): NamedSemaphoreHandle;
  /** Fails with ENOENT, EACCES. */
  open(name: string): NamedSemaphoreHandle;
  unlink(name: string): void;
}

/** Kind → its handle, and what one is made with. */
export interface SharedKinds {
  lock: LockHandle;
  rlock: LockHandle;
  semaphore: SemaphoreHandle;
  boundedSemaphore: SemaphoreHandle;
  condition: ConditionHandle;
  event: EventHandle;
  barrier: BarrierHandle;
}
export type SharedKind = keyof SharedKinds;

export interface SyncBackend {
  lock(): LockHandle;
  rlock(): LockHandle;
  /** A counter of permits that anybody may release, up to `MAX_PERMITS`; those of the dead are lost. */
  semaphore(value: number): SemaphoreHandle;
  /** No more can be released than were acquired; permits of the dead return. */
  boundedSemaphore(value: number): SemaphoreHandle;
  condition(): ConditionHandle;
  event(): EventHandle;
  barrier(parties: number, hasAction: boolean): BarrierHandle;
  /** Opens what `toTransfer` named. The reference may come from anywhere. @throws SerializationError when it is none, or gone. */
  fromTransfer<K extends SharedKind>(
    kind: K,
    reference: unknown,
    handle: TransferHandle | undefined,
  ): SharedKinds[K];
}

/** SEM_VALUE_MAX of POSIX systems. */
export const MAX_PERMITS = 2 ** 31 - 1;
/** More do not fit the barrier's one word. */
export const MAX_PARTIES = 4095;
