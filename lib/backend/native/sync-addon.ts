/**
 * The addon's shared objects, typed. An object is known by the number of a handle of this environment, a pending wait by a number
 * of its own. An answer of 1 and more is a SyncOutcome, undefined is the usual one, Done: numbers cost more to answer than locks to
 * take. 0 is a try in vain, less than 0 minus the number of a wait that has begun.
 * A barrier's answer has the index of the arrival above the lowest three bits. Timeouts are milliseconds, Infinity waits for
 * ever. What is no argument of theirs gets a TypeError, a failed system call an error with Node's three properties.
 */
import type { NativeLoans } from './loan-addon.js';
import type { NativePipes } from './pipe-addon.js';
import type { NativeQueues } from './queue-addon.js';

/** The numbers of native/shm/layout.h's ObjectKind. */
export enum NativeKind {
  Lock = 2,
  Semaphore = 3,
  BoundedSemaphore = 4,
  Condition = 5,
  Event = 6,
  Barrier = 7,
  Queue = 8,
  PipeEnd = 9,
}

/** What names an object. */
export type NativeName = [kind: number, offset: number, generation: number];

/** The same, and who has sent it. */
export type NativeReference = [...NativeName, sender: number];

/** See above. */
export type Answer = number | undefined;

export interface NativeSync extends NativeQueues, NativePipes, NativeLoans {
  /** Semaphore: value and bound; bounded: permits; barrier: parties and whether there is an action. */
  make(kind: NativeKind, first: number, second: number): number;
  /** What another process has sent. Throws ESTALE when it is gone, EINVAL for what cannot be a reference. */
  open(kind: number, offset: number, generation: number): number;
  /** The handle is gone. What it holds is held on. */
  drop(handle: number): void;
  /** What a message carries, with which it departs while the handle is open. */
  nameOf(handle: number): NativeName;
  /** A reference for another process, by other ways; the object lives until it is opened there or recalled here. */
  depart(handle: number): NativeReference;
  recall(reference: NativeReference): void;
  /** Of the shared memory that this process takes part in; undefined so far as it uses none. */
  session(): string | undefined;
  /** The descriptor of that memory, for a spawned child; made when there is none yet. */
  segmentFd(): number;
  /** In a spawned child: takes it over. */
  adoptSegment(fd: number): void;
  /** Tells from the event loop that so many waits have ended: for each its number, outcome and index are in `results`. */
  listen(callback: (count: number) => void, results: Int32Array): void;
  /** Takes a wait back. The outcome is TimedOut, unless it had been served; a barrier's with the index. */
  cancel(wait: number): number;
  /** The same because its time is over, which breaks a barrier. */
  expire(wait: number): number;
  /** This thread is about to block on the descriptor that it answers, and looks at everything once more before it does. */
  bellArm(): number;
  /** It has blocked, or need not. */
  bellDisarm(): void;
  /** Looks for participants that have died, and gives back what they held: how many there were. */
  reap(): number;

  /** `request` is twice the handle, and one more to take the lock from the dead. */
  lockTry(request: number): Answer;
  lockSync(request: number, timeoutMs: number): Answer;
  lockAsync(request: number): Answer;
  /** False when there was nothing to release. */
  lockRelease(handle: number): false | undefined;
  lockLocked(handle: number): boolean;
  lockAbandoned(handle: number): boolean;
  lockHeldHere(handle: number, holder: number): boolean;
  lockOwnerPid(handle: number): number;
  lockAbandonedPid(handle: number): number;
  /** `request` is twice the holder, and one more to take the lock from the dead. */
  rlockTry(handle: number, request: number): Answer;
  rlockSync(handle: number, request: number, timeoutMs: number): Answer;
  rlockAsync(handle: number, request: number): Answer;
  rlockRelease(handle: number, holder: number): false | undefined;
  rlockCount(handle: number, holder: number): number;

  semaphoreTry(handle: number): Answer;
  semaphoreSync(handle: number, timeoutMs: number): Answer;
  semaphoreAsync(handle: number): Answer;
  semaphoreRelease(handle: number, permits: number): false | undefined;
  semaphoreValue(handle: number): number;

  /** Enrols, and always waits. */
  conditionAsync(handle: number): number;
  /** Calls `release` enrolled. What it throws is thrown, and nobody waits. */
  conditionSync(handle: number, release: () => void, timeoutMs: number): Answer;
  conditionNotify(handle: number, count: number): number;

  eventSet(handle: number): void;
  eventClear(handle: number): void;
  eventIsSet(handle: number): boolean;
  eventSync(handle: number, timeoutMs: number): Answer;
  eventAsync(handle: number): Answer;

  barrierSync(handle: number, timeoutMs: number): number;
  /** Undefined has the index 0. */
  barrierAsync(handle: number): Answer;
  /** By the leader of that phase, which is its index. */
  barrierFinish(handle: number, phase: number): boolean;
  barrierBreakPhase(handle: number, phase: number): boolean;
  barrierAbort(handle: number): void;
  barrierReset(handle: number): void;
  barrierParties(handle: number): number;
  barrierWaiting(handle: number): number;
  barrierBroken(handle: number): boolean;
}
