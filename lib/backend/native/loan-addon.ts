/**
 * The addon's loans, typed; see sync-addon.ts for handles, answers and errors. `id` is the caller's number for a view, never used
 * twice. Where there are queues' handles the number of an end of a pipe does as well.
 */
import type { Answer } from './sync-addon.js';

/** A message that was copied, with the ends of pipes that it carried, as `pipeTake` answers it. */
export type CopiedWithEnds = [bytes: Buffer, ...ends: number[]];

export interface NativeLoans {
  /** Undefined where there are no views of foreign memory. With a kind it is an item that begins with it (ITEM_HEAD_BYTES). */
  loanMake(handle: number, length: number, id: number, kind: number): ArrayBuffer | undefined;
  /** Of what was not put after all: another view. */
  loanRenew(id: number, next: number): ArrayBuffer | undefined;
  /** Detaches the view, of what is to be put later. False: somebody has taken it away. */
  loanHide(id: number): boolean;
  /** Once; the view is detached, unless the queue is closed. False: somebody has taken it away, and nothing is put. */
  loanPut(request: number, id: number): Answer | false;
  loanRelease(id: number): void;
  /**
   * A message of at least so many bytes where it lies, or another one copied, of a pipe with its ends; -1: there is none, -2: none will
   * come.
   */
  loanTake(
    request: number,
    id: number,
    least: number,
  ): ArrayBuffer | Uint8Array | CopiedWithEnds | number;
  /** Waits for room for a message of that length. */
  loanRoomSync(handle: number, length: number, timeoutMs: number): Answer;
  loanRoomAsync(handle: number, length: number): Answer;
  /** In a forked child: detaches the views that it has inherited. */
  loansInherited(): void;
}
