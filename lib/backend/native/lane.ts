import type { PolledDescriptor } from '../../base/readiness.js';
import type { Message, SharedChannel, TransferHandle } from '../contract.js';
import type { LentMemory } from './lent-memory.js';

/** `done`: all of it is gone. `started`: the rest is to be flushed. `waiting`: nothing was taken. */
export type SendProgress = 'done' | 'started' | 'waiting';

/**
 * What carries the messages of one end: a socket, or shared memory. Nothing here waits but `waitSync`; who waits, and in which order,
 * is the channel's affair. `events` are READABLE and WRITABLE.
 */
export interface Lane {
  readonly shared?: SharedChannel;
  /**
   * The next message, or undefined when it has not all arrived. One that fits is written to `into`, where that is given and the lane
   * can; for a value (message-head.ts) it may come without its head, for a loan where it lies. @throws EndOfFileError when no writer is left.
   */
  take(into?: Uint8Array): Message | undefined;
  /** `take`, but it blocks, for so many milliseconds at most: undefined then. Absent where that would take more than one call. */
  takeSync?(timeoutMs: number, into?: Uint8Array): Message | undefined;
  /** Would `take` answer, or throw? */
  readable(): boolean;
  /**
   * Begins a message now. Its handles are consumed as soon as it is more than waiting. `untold`: whoever waits for it need not be
   * woken before `shared.tell()`. @throws BrokenPipeError.
   */
  begin(message: Message, untold?: boolean): SendProgress;
  /** The same of a message in the scratch memory, which is of that length. Where `takesHead`; never `started`. */
  beginScratch?(length: number): SendProgress;
  /** Memory for a message, which is `lent` when it is begun. As `Channel.lend`. Absent where no memory is shared. */
  lend?(size: number, kind: number): LentMemory | undefined;
  /** Goes on with the message that was started last. True when all of it is written. */
  flush(): boolean;
  /** Blocks. True when there is input, or room for the message that was last refused; false after so many milliseconds. */
  waitSync(events: number, timeoutMs: number): boolean;
  /** Calls back from the event loop, again and again while one of the events holds, until it is told otherwise. Keeps the loop alive. */
  watch(events: number): void;
  /** This thread is about to block for them, together with others. */
  polled(events: number): PolledDescriptor;
  /** It has blocked. */
  unpolled?(): void;
  /** Messages may have a head. */
  readonly takesHead?: boolean;
  fileno(): number;
  /** A second handle on this end. @throws StateError in the middle of a message. */
  toTransfer(): TransferHandle;
  /** In a forked child: what was waited for is the parent's. */
  afterFork?(): void;
  /** Idempotent. */
  close(): void;
}
