import { inspect } from 'node:util';
import type { LentMessage } from '../backend/loan-contract.js';
import { type QueueOutcome, type QueueHandle, type Taken } from '../backend/queue-contract.js';
import { detach } from '../base/detach.js';
import type { Wait } from '../base/options.js';
import { StateError } from '../errors.js';
import { bytesWithin } from '../serialization/compact-reader.js';
import { cloneGuard, registerHandleReducer } from '../serialization/reducers.js';
import { decodeItem } from './items.js';

const TAG = 'LoanedItem';
const guard = cloneGuard(TAG);

/**
 * An item that was got, and lies in the queue's memory if it is a byte array of some length, until it is released: by `release()`, by
 * `using`, by the end of the process, or when nobody can reach the item any more. No twin in Python.
 */
export class LoanedItem<T = unknown> implements Disposable {
  /** @internal */
  readonly $handle = guard;
  readonly #release: () => void;
  #item: { readonly value: T } | undefined;

  /** @internal */
  constructor(value: T, release: () => void) {
    this.#item = { value };
    this.#release = release;
  }

  /** The item. A byte array is this process's to change. @throws StateError when it was released. */
  get value(): T {
    if (this.#item) return this.#item.value;
    throw new StateError('the item was released: copy what is needed for longer');
  }

  /** Gives the memory back: a byte array has none any more. Another value is not affected. Idempotent. */
  release(): void {
    if (!this.#item) return;
    this.#item = undefined;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    return this.#item ? `${TAG} ${inspect(this.#item.value)}` : `${TAG} { released }`;
  }

  static {
    registerHandleReducer<LoanedItem, never>(TAG, LoanedItem, {
      reduce() {
        throw new Error('a loaned item stays where it was got: send its value');
      },
      rebuild: () => {
        throw new Error('a loaned item does not travel');
      },
    });
  }
}

export function getLoaned(
  handle: QueueHandle,
  wait: Wait,
): Taken<LoanedItem> | Promise<Taken<LoanedItem>> {
  if (handle.loans === undefined) return handle.get(copied, wait);
  const taken = handle.loans.take(wait);
  return taken instanceof Promise ? taken.then(inPlace) : inPlace(taken);
}

export function getLoanedSync(handle: QueueHandle, timeoutMs: number): Taken<LoanedItem> {
  if (handle.loans === undefined) return handle.getSync(copied, timeoutMs);
  return inPlace(handle.loans.takeSync(timeoutMs));
}

/** @throws SerializationError; the message is gone then. */
function inPlace(
  taken: LentMessage | QueueOutcome.TimedOut | QueueOutcome.Closed,
): Taken<LoanedItem> {
  if (typeof taken === 'number') return taken;
  const { bytes } = taken;
  const within = bytesWithin(bytes);
  if (within) return { value: new LoanedItem<unknown>(within, () => taken.release()) };
  try {
    return { value: new LoanedItem(decodeItem(bytes, 0, bytes.length, []), nothing) };
  } finally {
    taken.release();
  }
}

function copied(...message: Parameters<typeof decodeItem>): LoanedItem {
  const item = decodeItem(...message);
  if (!(item instanceof Uint8Array)) return new LoanedItem(item, nothing);
  const own = withOwnMemory(item);
  return new LoanedItem<unknown>(own, () => {
    detach(own.buffer);
  });
}

/** Small Buffers have a part of what others have parts of. */
function withOwnMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  if (buffer.byteLength === byteLength) return bytes as Uint8Array<ArrayBuffer>;
  const copy = new Uint8Array(bytes);
  return Buffer.isBuffer(bytes) ? Buffer.from(copy.buffer) : copy;
}

function nothing(): void {
  // Nothing of it is lent.
}
