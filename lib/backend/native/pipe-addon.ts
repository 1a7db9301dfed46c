/**
 * The addon's pipes, typed; see sync-addon.ts for handles and answers. An end is opened by `open`, and closed by `drop`: at once, unless
 * somebody still waits at it.
 */
import type { Carried } from './queue-addon.js';
import type { Answer } from './sync-addon.js';

/** The length of a message that is in the target, or one that is longer. */
type TakenBytes = number | Buffer;
/** With the ends that came along, which are open: handle, offset and generation of each. */
type TakenWithEnds = [bytes: TakenBytes, ...ends: number[]];

export interface NativePipes {
  /** With 0 for `duplex` left reads and right writes. */
  pipeMake(duplex: number): [left: number, right: number];
  /** Another handle on the same end. */
  pipeShare(handle: number): number;
  pipeName(handle: number): [offset: number, generation: number];
  /** Once. 0: there is no room. Broken: nobody will read it. Ends that it carries depart with it. */
  pipeSend(handle: number, bytes: Uint8Array, carried: Carried): Answer;
  /** Undefined: there is none; null: there will be none. */
  pipeTake(handle: number, target: Uint8Array): TakenBytes | TakenWithEnds | undefined | null;
  /** Whether a take would have an answer, the end included. */
  pipeLook(handle: number): boolean;
  /** Blocks for input (1), or for room (2) for a message of that length. Nothing is taken or put. */
  pipeWaitSync(handle: number, events: number, length: number, timeoutMs: number): Answer;
  /** The same without blocking: an outcome, or minus the number of a wait, which with 4 more keeps no event loop alive. */
  pipeWaitAsync(handle: number, events: number, length: number): Answer;
}
