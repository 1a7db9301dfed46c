import type { Decode, Decoded } from '../../queue-contract.js';
import type { TransferHandle } from '../../contract.js';
import type { NativeSync } from '../sync-addon.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

const FIRST_BYTES = 64 * 1024;
/** Longer messages come in arrays of their own. */
const MOST_BYTES = 1024 * 1024;
const MESSAGES_AT_ONCE = 256;
/** Of native/bind/queue_buffers.h. */
const ALIGNMENT = 8;

/** native/bind/queue_get_linux.cc's. */
export enum Nothing {
  Yet = -1,
  Ever = -2,
}

/** Where this thread finds messages that were there when it asked. A message is only there until the next one is asked for. */
export class Inbox {
  readonly #native: NativeSync;
  readonly #lengths = new Int32Array(MESSAGES_AT_ONCE);
  #bytes = new Uint8Array(FIRST_BYTES);
  #busy = false;

  constructor(native: NativeSync) {
    this.#native = native;
    native.queueBuffers(this.#bytes, this.#lengths);
  }

  /** A message is being decoded: what is asked for meanwhile must not be written over it. */
  get busy(): boolean {
    return this.#busy;
  }

  /** One message, decoded. Not while it is busy. @throws what `decode` throws. */
  take<T>(request: number, decode: Decode<T>): { readonly value: T } | Nothing {
    const taken = this.#native.queueTake(request);
    if (typeof taken !== 'number') {
      this.#grow(taken.byteLength);
      return { value: decode({ bytes: taken, handles: NO_HANDLES }) };
    }
    if (taken < 0) return taken;
    this.#busy = true;
    try {
      return { value: decode({ bytes: this.#bytes.subarray(0, taken), handles: NO_HANDLES }) };
    } finally {
      this.#busy = false;
    }
  }

  /** As many as are there, and no more than `max`. Not while it is busy. */
  takeMany<T>(request: number, max: number, decode: Decode<T>): Decoded<T>[] | Nothing {
    const all: Decoded<T>[] = [];
    while (all.length < max) {
      const count = this.#native.queueTakeMany(request, max - all.length);
      if (count < 0) return all.length > 0 ? all : count;
      this.#busy = true;
      try {
        for (const bytes of this.#messages(count)) all.push(decodeOne(bytes, decode));
      } finally {
        this.#busy = false;
      }
    }
    return all;
  }

  #messages(count: number): Uint8Array[] {
    const lengths = this.#lengths.subarray(0, count);
    const long = lengths.includes(-1) ? this.#native.queueOverflow() : [];
    let at = 0;
    const messages = Array.from(lengths, (length) => {
      if (length < 0) return long.shift() ?? new Uint8Array();
      const bytes = this.#bytes.subarray(at, at + length);
      at += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
      return bytes;
    });
    return messages;
  }

  /** For the next ones like this. */
  #grow(length: number): void {
    if (length > MOST_BYTES || length <= this.#bytes.byteLength) return;
    this.#bytes = new Uint8Array(Math.min(MOST_BYTES, 2 * length));
    this.#native.queueBuffers(this.#bytes, this.#lengths);
  }
}

export function decodeOne<T>(bytes: Uint8Array, decode: Decode<T>): Decoded<T> {
  try {
    return { value: decode({ bytes, handles: NO_HANDLES }) };
  } catch (error) {
    return { error };
  }
}
