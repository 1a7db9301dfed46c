import type { Message } from '../backend/contract.js';
import { ITEM_HEAD_BYTES, transferredAway, type Lent } from '../backend/loan-contract.js';
import type { QueueOutcome } from '../backend/queue-contract.js';
import { detach, drop } from '../base/detach.js';
import type { Wait } from '../base/options.js';
import { Kind } from '../serialization/compact-format.js';

/** Where a message goes that is copied: outcomes, waits and errors are those of a queue's handle. */
export interface Destination {
  put(message: Message, wait: Wait): QueueOutcome | Promise<QueueOutcome>;
  putSync(message: Message, timeoutMs: number): QueueOutcome;
}

/** A loan where there is no memory to be lent: it is copied when it is put, and behaves as others do. */
export class CopiedLoan implements Lent {
  readonly #destination: Destination;
  #message: Buffer;

  /** @throws RangeError when there is no memory for it. */
  constructor(destination: Destination, size: number) {
    this.#destination = destination;
    this.#message = Buffer.from(new ArrayBuffer(ITEM_HEAD_BYTES + size));
    this.#message[0] = Kind.AlignedBytes;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#message.buffer, ITEM_HEAD_BYTES);
  }

  put(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    return this.#destination.put({ bytes: this.#take(), handles: [] }, wait);
  }

  putSync(timeoutMs: number): QueueOutcome {
    return this.#destination.putSync({ bytes: this.#take(), handles: [] }, timeoutMs);
  }

  release(): void {
    drop(this.#message.buffer as ArrayBuffer);
  }

  /** Who has seen the bytes sees them no more. */
  #take(): Buffer {
    if (this.#message.buffer.byteLength === 0) throw transferredAway();
    this.#message = Buffer.from(detach(this.#message.buffer as ArrayBuffer));
    return this.#message;
  }
}
