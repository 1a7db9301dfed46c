/**
 * The addon's queues, typed; see sync-addon.ts for handles, answers and errors. `request` is twice the handle, and one more to
 * stand in line behind those of this thread that wait already. Of a wait whose outcome is none of Done, TimedOut and Closed,
 * `queueFetch` throws why.
 */
import type { Answer } from './sync-addon.js';

/** What a queue is made with: most messages, most bytes, and what becomes of what the dead had taken (OnConsumerDied). */
export type NativeQueueShape = [maxSize: number, maxBytes: number, onConsumerDied: number];

/** References that a message carries, three numbers each: kind, offset, generation. */
export type Carried = readonly number[] | undefined;
/** The same, or the byte that stands in front of the others. Then nothing is carried. */
export type CarriedOrHead = Carried | number;
/** A message without its first byte, and that; or without its front. */
export type TakenInTwo = [rest: Buffer, head: number | Buffer];
/** A message in an array of its own, or in two. */
export type LongMessage = Uint8Array | TakenInTwo;

export interface NativeQueues {
  queueMake(maxSize: number, maxBytes: number, onConsumerDied: number): number;
  queueShape(handle: number): NativeQueueShape;
  /**
   * Where `queueTake` and `queueTakeMany` write messages, each at a multiple of 8, and how long they are; and where those are that
   * are put.
   */
  queueBuffers(
    bytes: Uint8Array,
    lengths: Int32Array,
    scratch: Uint8Array,
    scratchLengths: Int32Array,
  ): void;

  /**
   * Once. The bytes, or so many of the scratch memory, are copied, here and below. With a front, of two bytes at least, there is no
   * head: that, the bytes and `more` are one message.
   */
  queuePut(
    request: number,
    bytes: Uint8Array | number,
    carried: CarriedOrHead,
    front?: Uint8Array,
    more?: readonly Uint8Array[],
  ): Answer;
  /** Of so many messages in the scratch memory, how many were put. */
  queuePutMany(request: number, count: number): number;
  queuePutSync(
    handle: number,
    bytes: Uint8Array | number,
    carried: CarriedOrHead,
    front: Uint8Array | undefined,
    more: readonly Uint8Array[] | undefined,
    timeoutMs: number,
  ): Answer;
  queuePutAsync(
    handle: number,
    bytes: Uint8Array | number,
    carried: CarriedOrHead,
    front?: Uint8Array,
    more?: readonly Uint8Array[],
  ): Answer;

  /**
   * The length of the message that is in the buffer; -1: there is none, -2: none will come. Or a message that is too long for it, or
   * that is long and comes in two.
   */
  queueTake(request: number): number | LongMessage;
  /** How many are in the buffer, or -1 or -2; or one as above. A length of -1 is one that is not there, but in the overflow. */
  queueTakeMany(request: number, max: number): number | LongMessage;
  /** The same, but they wait. -1: in vain. */
  queueTakeSync(handle: number, timeoutMs: number): number | LongMessage;
  queueTakeManySync(handle: number, max: number, timeoutMs: number): number | LongMessage;
  /** Those that did not fit, or are long and come in two, in order. */
  queueOverflow(): LongMessage[];
  queueGetSync(handle: number, max: number, timeoutMs: number): LongMessage[] | number;
  /** Messages, an outcome, or minus the number of a wait, whose messages are to be fetched. */
  queueGetAsync(handle: number, max: number): LongMessage[] | number;
  /**
   * What a wait that was Done has taken, once: how many are in the buffer, where that may be and all of them are brief, or all of them in
   * arrays of their own. Of one that has failed: throws the error.
   */
  queueFetch(wait: number, intoBuffer: 0 | 1): number | LongMessage[];

  /** Done: a message is there. Closed: none will come. 0 else. */
  queueLook(handle: number): Answer;
  queuePollSync(handle: number, timeoutMs: number): Answer;
  queuePollAsync(handle: number): Answer;
  queueJoinSync(handle: number, timeoutMs: number): Answer;
  queueJoinAsync(handle: number): Answer;

  queueSize(handle: number): number;
  queueUnfinished(handle: number): number;
  queueAbandoned(handle: number): number;
  /** False when none is unfinished. */
  queueTaskDone(handle: number): false | undefined;
  queueCloseSide(handle: number): void;
  /** This process is no party to the queue, until the handle is used: then to one that has not come to its end by then. */
  queueLeave(handle: number): void;
  queueClosed(handle: number): boolean;
  /** Gives back memory that no message needs. How much this thread keeps: units of 64 KiB. */
  queueTrim(): number;
}
