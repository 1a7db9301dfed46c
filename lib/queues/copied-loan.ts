import { ITEM_HEAD_BYTES, transferredAway, type Lent } from '../backend/loan-contract.js';
import { type QueueOutcome, type QueueHandle } from '../backend/queue-contract.js';
import { detach } from '../base/detach.js';
import type { Wait } from '../base/options.js';
import { Kind } from '../serialization/compact-format.js';

/** A loan where there is no memory to be lent: it is copied when it is put, and behaves as others do. */
export class CopiedLoan implements Lent {
  readonly #handle: QueueHandle;
  #message: Buffer;

  /** @throws RangeError when there is no memory for it. */
  constructor(handle: QueueHandle, size: number) {
    this.#handle = handle;
    this.#message = Buffer.from(new ArrayBuffer(ITEM_HEAD_BYTES + size));
    this.#message[0] = Kind.AlignedBytes;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#message.buffer, ITEM_HEAD_BYTES);
  }

  put(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    return this.#handle.put({ bytes: this.#take(), handles: [] }, wait);
  }

  putSync(timeoutMs: number): QueueOutcome {
    return this.#handle.putSync({ bytes: this.#take(), handles: [] }, timeoutMs);
  }

  release(): void {
    if (this.#message.buffer.byteLength > 0) this.#take();
  }

  /** Who has seen the bytes sees them no more. */
  #take(): Buffer {
    if (this.#message.buffer.byteLength === 0) throw transferredAway();
    this.#message = Buffer.from(detach(this.#message.buffer as ArrayBuffer));
    return this.#message;
  }
}
