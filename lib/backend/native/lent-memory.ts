/** Views on messages in shared memory: of one that is being written, of one that was taken. */
import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import { drop } from '../../base/detach.js';
import { ITEM_HEAD_BYTES, transferredAway, type LentMessage } from '../loan-contract.js';
import { systemError } from '../system-error.js';
import type { NativeLoans } from './loan-addon.js';

/** To copy a shorter message costs less than a view of it. */
export const LEAST_IN_PLACE = 16 * 1024;

/** Of views, each of which has another one. */
let lastId = 0;
let resets = false;

/** The number of the next view. */
export function newView(native: NativeLoans): number {
  if (!resets) {
    resets = true;
    // The memory that they show is the parent's, or somebody else's by now.
    resetAfterFork(AfterForkOrder.Handles, (occasion) => {
      if (occasion !== 'rehearsal') native.loansInherited();
    });
  }
  return ++lastId;
}

/** A message as `loanTake` answers it: where it lies, which is the view of that number, or copied. */
export function takenLoan(
  native: NativeLoans,
  id: number,
  taken: ArrayBuffer | Uint8Array,
): LentMessage {
  if (taken instanceof ArrayBuffer) {
    return {
      bytes: Buffer.from(taken),
      release: () => {
        native.loanRelease(id);
      },
    };
  }
  const buffer = taken.buffer as ArrayBuffer;
  return {
    bytes: Buffer.from(buffer, taken.byteOffset, taken.length),
    release: () => {
      drop(buffer);
    },
  };
}

/** A message that is being written, with the only view of it. */
export class LentMemory {
  /** Of the message. */
  readonly length: number;
  readonly #native: NativeLoans;
  #id: number;
  #bytes: Uint8Array;

  private constructor(native: NativeLoans, id: number, buffer: ArrayBuffer) {
    this.#native = native;
    this.#id = id;
    this.length = buffer.byteLength + ITEM_HEAD_BYTES;
    this.#bytes = new Uint8Array(buffer);
  }

  /** For a queue's handle, or that of an end of a pipe. Undefined where there are no views of foreign memory. @throws SystemError. */
  static of(
    native: NativeLoans,
    handle: number,
    { size, kind }: { readonly size: number; readonly kind: number },
  ): LentMemory | undefined {
    if (size === 0) return undefined;
    const id = newView(native);
    let buffer: ArrayBuffer | undefined;
    try {
      buffer = native.loanMake(handle, size, id, kind);
    } catch (error) {
      throw systemError('there is no memory for a loan', error);
    }
    return buffer && new LentMemory(native, id, buffer);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** What knows it in the addon, until it has another view. */
  get id(): number {
    return this.#id;
  }

  /** Nobody sees it from here on. @throws StateError when somebody has transferred the view's memory away. */
  hide(): void {
    if (!this.#native.loanHide(this.#id)) throw transferredAway();
  }

  /** It was not put after all: another view. None in a forked child. */
  renew(): void {
    const id = newView(this.#native);
    const buffer = this.#native.loanRenew(this.#id, id);
    this.#id = id;
    this.#bytes = buffer ? new Uint8Array(buffer) : new Uint8Array();
  }

  release(): void {
    this.#native.loanRelease(this.#id);
  }
}
