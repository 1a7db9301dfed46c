import type { Decode, Decoded } from '../../queue-contract.js';
import { afterScratch, scratch } from '../../../base/scratch.js';
import type { TransferHandle } from '../../contract.js';
import type { LongMessage } from '../queue-addon.js';
import type { NativeSync } from '../sync-addon.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

const FIRST_BYTES = 64 * 1024;
/** Longer messages come in arrays of their own, and so do those of 64 KiB and more that come in two. */
const MOST_BYTES = 1024 * 1024;
const MESSAGES_AT_ONCE = 256;

/** Instead of a length: the message is in an array of its own. */
const OVERFLOW = -1;

/** native/bind/queue_get_linux.cc's. */
export enum Nothing {
  Yet = -1,
  Ever = -2,
}

let made: Inbox | undefined;

/** This thread's, which has made the memory of base/scratch.ts known to the addon as well. */
export function inboxOf(native: NativeSync): Inbox {
  made ??= new Inbox(native);
  return made;
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
    return this.#took(this.#native.queueTake(request), decode);
  }

  /** The same, blocking the thread. `Nothing.Yet`: the time was over. */
  takeSync<T>(
    handle: number,
    timeoutMs: number,
    decode: Decode<T>,
  ): { readonly value: T } | Nothing {
    return this.#took(this.#native.queueTakeSync(handle, timeoutMs), decode);
  }

  #took<T>(taken: number | LongMessage, decode: Decode<T>): { readonly value: T } | Nothing {
    if (typeof taken !== 'number') {
      if (!Array.isArray(taken)) this.#grow(taken.byteLength);
      return { value: decodeAlone(taken, decode) };
    }
    return taken < 0 ? taken : this.#tookHere(taken, decode);
  }

  /** What stands at the beginning of the buffer. */
  #tookHere<T>(length: number, decode: Decode<T>): { readonly value: T } {
    this.#busy = true;
    try {
      return { value: decode(this.#bytes, 0, length, NO_HANDLES) };
    } finally {
      this.#busy = false;
    }
  }

  /** As many as are there, and no more than `max`. Not while it is busy. */
  takeMany<T>(request: number, max: number, decode: Decode<T>): Decoded<T>[] | Nothing {
    return this.#tookMany(this.#native.queueTakeMany(request, max), request, max, decode);
  }

  /** The same, blocking the thread until the first is there. `Nothing.Yet`: the time was over. */
  takeManySync<T>(
    handle: number,
    timeoutMs: number,
    max: number,
    decode: Decode<T>,
  ): Decoded<T>[] | Nothing {
    const first = this.#native.queueTakeManySync(handle, max, timeoutMs);
    return this.#tookMany(first, 2 * handle, max, decode);
  }

  #tookMany<T>(
    first: number | LongMessage,
    request: number,
    max: number,
    decode: Decode<T>,
  ): Decoded<T>[] | Nothing {
    if (typeof first === 'number' && first < 0) return first;
    const all: Decoded<T>[] = [];
    for (let taken = first; typeof taken !== 'number' || taken > 0;) {
      this.#busy = true;
      try {
        if (typeof taken === 'number') this.#decode(taken, decode, all);
        else all.push(decoded(taken, decode));
      } finally {
        this.#busy = false;
      }
      if (all.length >= max) break;
      try {
        // Not behind others: it is its turn, and what there is now is enough.
        taken = this.#native.queueTakeMany(request & ~1, max - all.length);
      } catch {
        // There is no memory for the next one. It is still there, and its getter is told.
        break;
      }
    }
    return all;
  }

  /** The one message that a wait has taken. */
  fetch<T>(wait: number, decode: Decode<T>): { readonly value: T } {
    const fetched = this.#fetch(wait);
    if (typeof fetched !== 'number') return { value: decodeAlone(fetched[0]!, decode) };
    return this.#tookHere(this.#lengths[0]!, decode);
  }

  /** All that a wait has taken. */
  fetchMany<T>(wait: number, decode: Decode<T>): Decoded<T>[] {
    const fetched = this.#fetch(wait);
    if (typeof fetched !== 'number') return fetched.map((message) => decoded(message, decode));
    const all: Decoded<T>[] = [];
    this.#busy = true;
    try {
      this.#decode(fetched, decode, all);
    } finally {
      this.#busy = false;
    }
    return all;
  }

  #fetch(wait: number): number | LongMessage[] {
    return this.#native.queueFetch(wait, this.#busy ? 0 : 1);
  }

  #decode<T>(count: number, decode: Decode<T>, all: Decoded<T>[]): void {
    // Before anything is decoded: it is lent, and what the program does meanwhile may fork, or never come back.
    const long = this.#lengths.subarray(0, count).includes(OVERFLOW)
      ? this.#native.queueOverflow()
      : undefined;
    let at = 0;
    for (let i = 0; i < count; i += 1) {
      const length = this.#lengths[i] as number;
      if (length === OVERFLOW) {
        all.push(decoded(long?.shift() ?? new Uint8Array(), decode));
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
export function decodeAlone<T>(message: LongMessage, decode: Decode<T>): T {
  if (Array.isArray(message)) {
    const [rest, front] = message;
    return decode(rest, 0, rest.length, front);
  }
  const { buffer, byteOffset, length } = message;
  return decode(Buffer.from(buffer as ArrayBuffer, byteOffset, length), 0, length, NO_HANDLES);
}

/** The same, or why it cannot be understood. */
export function decoded<T>(message: LongMessage, decode: Decode<T>): Decoded<T> {
  return attempt(() => decodeAlone(message, decode));
}

function attempt<T>(decode: () => T): Decoded<T> {
  try {
    return { value: decode() };
  } catch (error) {
    return { error };
  }
}
