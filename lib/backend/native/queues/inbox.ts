import type { Decode, Decoded } from '../../queue-contract.js';
import { afterScratch, scratch } from '../../../base/scratch.js';
import type { TransferHandle } from '../../contract.js';
import type { NativeSync } from '../sync-addon.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

const FIRST_BYTES = 64 * 1024;
/** Longer messages come in arrays of their own. */
const MOST_BYTES = 1024 * 1024;
const MESSAGES_AT_ONCE = 256;

/** native/bind/queue_get_linux.cc's. */
export enum Nothing {
  Yet = -1,
  Ever = -2,
}

/** Where this thread finds messages that were there when it asked. A message is only there until the next one is asked for. */
export class Inbox {
  readonly #native: NativeSync;
  readonly #lengths = new Int32Array(MESSAGES_AT_ONCE);
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #busy = false;

  constructor(native: NativeSync) {
    this.#native = native;
    this.#register();
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
      return { value: decodeAlone(taken, decode) };
    }
    if (taken < 0) return taken;
    this.#busy = true;
    try {
      return { value: decode(this.#bytes, 0, taken, NO_HANDLES) };
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
        this.#decode(count, decode, all);
      } finally {
        this.#busy = false;
      }
    }
    return all;
  }

  #decode<T>(count: number, decode: Decode<T>, all: Decoded<T>[]): void {
    let long: Uint8Array[] | undefined;
    let at = 0;
    for (let i = 0; i < count; i += 1) {
      const length = this.#lengths[i] as number;
      if (length < 0) {
        long ??= this.#native.queueOverflow();
        all.push(attempt(() => decodeAlone(long?.shift() ?? new Uint8Array(), decode)));
      } else {
        const [start, end] = [at, at + length];
        all.push(attempt(() => decode(this.#bytes, start, end, NO_HANDLES)));
        at = afterScratch(end);
      }
    }
  }

  /** For the next ones like this. */
  #grow(length: number): void {
    if (length > MOST_BYTES || length <= this.#bytes.byteLength) return;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(MOST_BYTES, 2 * length));
    this.#register();
  }

  #register(): void {
    this.#native.queueBuffers(this.#bytes, this.#lengths, scratch.bytes, scratch.lengths);
  }
}

/** A message in an array of its own. */
export function decodeAlone<T>(bytes: Uint8Array, decode: Decode<T>): T {
  const { buffer, byteOffset, length } = bytes;
  return decode(Buffer.from(buffer as ArrayBuffer, byteOffset, length), 0, length, NO_HANDLES);
}

export function attempt<T>(decode: () => T): Decoded<T> {
  try {
    return { value: decode() };
  } catch (error) {
    return { error };
  }
}
