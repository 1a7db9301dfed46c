/**
 * The addon's pipes, typed; see sync-addon.ts for handles and answers. An end is opened by `open`, and closed by `drop`: at once, unless
 * somebody still waits at it.
 */
import type { CarriedOrHead, TakenInTwo } from './queue-addon.js';
import type { Answer } from './sync-addon.js';

/** The length of a message that is in the target, or one that is longer. */
type TakenBytes = number | Buffer;
/** With the ends that came along, which are open: handle, offset and generation of each. */
type TakenWithEnds = [bytes: TakenBytes, ...ends: number[]];

export type TakenMessage = TakenBytes | TakenWithEnds | TakenInTwo;

export interface NativePipes {
  /** With 0 for `duplex` left reads and right writes. */
  pipeMake(duplex: number): [left: number, right: number];
  /** Another handle on the same end. */
  pipeShare(handle: number): number;
  pipeName(handle: number): [offset: number, generation: number];
  /**
   * Once. 0: there is no room. Broken: nobody will read it. Ends that it carries depart with it. With a front, of two bytes at least, it
   * carries nothing and has no head: that, the bytes and `more` are one message. A number: the message stands in the memory of
   * base/scratch.ts, and is so long.
   */
  pipeSend(
    handle: number,
    bytes: Uint8Array | number,
    carried: CarriedOrHead,
    front?: Uint8Array,
    more?: readonly Uint8Array[],
  ): Answer;
  /** The same, but whoever waits for it is not woken before the next `pipeSend`, `pipeTell`, or the end of this process. */
  pipeSendUntold: NativePipes['pipeSend'];
  /** Wakes whoever waits at the other end. */
  pipeTell(handle: number): void;
  /** Undefined: there is none; null: there will be none. For a value (1) a long one may come in two. */
  pipeTake(handle: number, target: Uint8Array, wantsValue: number): TakenMessage | undefined | null;
  /** The same, but it blocks. Undefined: the time is over. */
  pipeTakeSync(
    handle: number,
    target: Uint8Array,
    wantsValue: number,
    timeoutMs: number,
  ): TakenMessage | undefined | null;
  /** The same of what was sent here and not taken yet. */
  pipeTakeBack(handle: number, target: Uint8Array): TakenMessage | undefined | null;
  /** A whole number below 2 ** 53 that the other end can look at, also when this process is dead. */
  pipeMark(handle: number, mark: number): void;
  /** What the other end has marked last; 0 before. */
  pipeMarked(handle: number): number;
  pipeLookOn(handle: number): boolean;
  /** Of the next message only what it carries, all of it open: handle, kind, offset and generation of each. Undefined: there is none. */
  pipeTakeCarried(handle: number): number[] | undefined;
  /** Whether a take would have an answer, the end included. */
  pipeLook(handle: number): boolean;
  /** Blocks for input (1), or for room (2) for a message of that length. Nothing is taken or put. */
  pipeWaitSync(handle: number, events: number, length: number, timeoutMs: number): Answer;
  /** The same without blocking: an outcome, or minus the number of a wait, which with 4 more keeps no event loop alive. */
  pipeWaitAsync(handle: number, events: number, length: number): Answer;
}
