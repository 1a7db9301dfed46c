/**
 * Messages that are written and read where they lie, beside those that are copied: `QueueHandle.loans`, and of connections
 * `Channel.lend` and `forLoan` (message-head.ts). What does not wait answers at once; outcomes, waits and errors are those of
 * queue-contract.ts and contract.ts.
 */
import type { Wait } from '../base/options.js';
import { StateError } from '../errors.js';
import type { QueueOutcome } from './queue-contract.js';

/** In front of the bytes of an item: its kind, and nothing else, so that they are aligned. native/bind/loan_wrap_linux.cc's. */
export const ITEM_HEAD_BYTES = 16;

/** Memory of an item that is being written. It is neither put nor released twice. */
export interface Lent {
  /** A view, which is detached when it is put or released; after a put in vain there is another one. */
  readonly bytes: Uint8Array;
  /**
   * Puts it, or sends it: a channel's is Done, or throws what `Channel.send` throws.
   * @throws StateError when somebody has transferred the view's memory away: then nothing is put.
   */
  put(wait: Wait): QueueOutcome | Promise<QueueOutcome>;
  putSync(timeoutMs: number): QueueOutcome;
  release(): void;
}

/** A message that was taken. */
export interface LentMessage {
  readonly bytes: Buffer;
  /** Detaches the view. Once. */
  readonly release: () => void;
}

export type TakenInPlace = LentMessage | QueueOutcome.TimedOut | QueueOutcome.Closed;

export interface Loans {
  /** Undefined where there is no view of memory that is not the runtime's own: then it is copied. @throws SystemError. */
  lend(size: number, kind: number): Lent | undefined;
  /** A message that is short, or that the queue keeps until it is done, is a copy. */
  take(wait: Wait): TakenInPlace | Promise<TakenInPlace>;
  takeSync(timeoutMs: number): TakenInPlace;
}

/** Of a loan, when it is put. */
export function transferredAway(): StateError {
  return new StateError(
    'the memory of the loan was transferred away: who has it can still write to it, so it is not put',
  );
}
