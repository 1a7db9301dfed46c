/**
 * What a backend gives to `lib/queues`: queues of whole messages that any number of processes put into and get from, without
 * Python's manners. Two keep it: `native` (a ring in shared memory) and `fallback` (the broker). Natively everything here is about
 * one queue as seen from this thread.
 *
 * Arguments have been checked by the caller. An operation that may have to wait answers at once when it can, else with a
 * promise; `wait.timeout` is milliseconds, 0 tries once. A signal that is aborted rejects with its reason, and nothing was put or
 * taken. A pending wait keeps the event loop alive. Every `…Sync` form blocks the thread (Infinity: for ever); the fallback throws
 * NotSupportedError, unless the time is 0 and it can answer.
 */
import type { Wait } from '../base/options.js';
import type { Readiness } from '../base/readiness.js';
import type { Front, Outgoing, TransferHandle } from './contract.js';
import type { Loans } from './loan-contract.js';
import type { SharedHandle } from './sync-contract.js';

export type { Outgoing };

/** How a put, a get or a join ends. */
export enum QueueOutcome {
  Done = 1,
  /** The time was over: the queue was full (put), empty (get), or had unfinished tasks (join). */
  TimedOut = 4,
  /** Get: the queue is drained, and nobody is left who could put. Put: this process has closed its side. */
  Closed = 7,
}

/** What becomes of the messages that a process had taken, and not said to be done with, when it dies. */
export type OnConsumerDied = 'redeliver' | 'count';

export interface QueueShape {
  /** Most messages at a time; 0: as many as memory holds. */
  readonly maxSize: number;
  /** Most bytes of messages at a time; 0: no bound. A message that is longer alone is refused with a RangeError. */
  readonly maxBytes: number;
  /** Counts unfinished messages for `taskDone` and `join`; undefined: does not. */
  readonly onConsumerDied: OnConsumerDied | undefined;
}

/**
 * Makes of a message, which stands in `bytes` from `start` to `end`, what its receiver gets. Called at once when a message has been
 * taken, with its handles; the bytes are only valid until it returns. With a head or a front (message-head.ts) instead they are given
 * away. What it throws is thrown by the get, and that message is gone.
 */
export type Decode<T> = (
  bytes: Buffer,
  start: number,
  end: number,
  handlesOrFront: readonly TransferHandle[] | Front,
) => T;

/** A message taken, in a box of its own since it may decode to anything; or why there is none. */
export type Taken<T> = { readonly value: T } | QueueOutcome.TimedOut | QueueOutcome.Closed;
export type TakenMany<T> = readonly Decoded<T>[] | QueueOutcome.TimedOut | QueueOutcome.Closed;
/** One of several: a message that could not be decoded must not take the others with it. */
export type Decoded<T> = { readonly value: T } | { readonly error: unknown };

export interface QueueHandle extends SharedHandle {
  readonly shape: QueueShape;
  /**
   * The message is in the queue when it is Done; its bytes are copied before this returns. Its handles are consumed then,
   * otherwise they stay the caller's.
   * @throws SystemError (ENOSPC, ENOMEM) when there is no memory left for it: never waits for that. Natively NotSupportedError
   * for a connection that is kept by a socket.
   */
  put(message: Outgoing, wait: Wait): QueueOutcome | Promise<QueueOutcome>;
  putSync(message: Outgoing, timeoutMs: number): QueueOutcome;
  /**
   * Of so many messages in the scratch memory, in order, those that there is room for at once: how many. What is wrong with the next
   * one is said by `put`. None where it would have to be asked for.
   */
  putScratch(count: number): number;
  get<T>(decode: Decode<T>, wait: Wait): Taken<T> | Promise<Taken<T>>;
  getSync<T>(decode: Decode<T>, timeoutMs: number): Taken<T>;
  /** At least one, at most `max`, in order: waits for the first, not for more. */
  getMany<T>(decode: Decode<T>, max: number, wait: Wait): TakenMany<T> | Promise<TakenMany<T>>;
  getManySync<T>(decode: Decode<T>, max: number, timeoutMs: number): TakenMany<T>;
  /** Whether a get would not wait: a message, or the end, is there. False when the time was over. Takes nothing. */
  poll(wait: Wait): boolean | Promise<boolean>;
  pollSync(timeoutMs: number): boolean;
  /** The same together with other objects: for `wait()` and, natively, `waitSync()`. */
  readiness(): Readiness;
  /** Messages in it at this instant. */
  size(): number;
  /** No more puts from this process. Idempotent. */
  close(): void;
  readonly closed: boolean;
  /**
   * In a forked child that has inherited the queue: it takes no part, until it uses this handle. If the queue has come to its end by
   * then, it is closed here too. Absent where nothing is inherited.
   */
  leave?(): void;
  /** Absent where every message is copied. */
  readonly loans?: Loans;
  /** One of the messages that this process has taken is finished, the oldest. False when there is none unfinished at all. */
  taskDone(): boolean;
  /** Messages put and not said to be done. */
  unfinished(): number;
  /**
   * Messages that count as done because the process that had taken them has died ('count'). Whoever has seen one finished sees it
   * counted here.
   */
  abandoned(): number;
  /** Waits until none is unfinished. */
  join(wait: Wait): QueueOutcome | Promise<QueueOutcome>;
  joinSync(timeoutMs: number): QueueOutcome;
}

export interface QueueBackend {
  /** @throws SystemError when there is no room for one more. */
  create(shape: QueueShape): QueueHandle;
  /** Opens what `toTransfer` named. The reference may come from anywhere. @throws SerializationError when it is none, or gone. */
  fromTransfer(reference: unknown, handle: TransferHandle | undefined): QueueHandle;
}
