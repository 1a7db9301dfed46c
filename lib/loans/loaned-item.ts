import { inspect } from 'node:util';
import type { LentMessage } from '../backend/loan-contract.js';
import { drop } from '../base/detach.js';
import { StateError } from '../errors.js';
import { bytesWithin } from '../serialization/compact-reader.js';
import { cloneGuard, registerHandleReducer } from '../serialization/reducers.js';
import { forkGeneration } from './forks.js';

const TAG = 'LoanedItem';
const guard = cloneGuard(TAG);

/**
 * An item that was got from a queue, or a value that a connection has received. It lies in their memory if it is a byte array of some
 * length, until it is released: by `release()`, by `using`, by the end of the process, or when nobody can reach the item any more. No twin
 * in Python.
 */
export class LoanedItem<T = unknown> implements Disposable {
  /** @internal */
  readonly $handle = guard;
  /** Absent where nothing of it is lent. */
  readonly #release: (() => void) | undefined;
  readonly #generation = forkGeneration();
  #item: { readonly value: T } | undefined;

  /** @internal */
  constructor(value: T, release?: () => void) {
    this.#item = { value };
    this.#release = release;
  }

  /**
   * The item. A byte array is this process's to change.
   * @throws StateError when it was released, and of a byte array in a forked child.
   */
  get value(): T {
    if (this.#isOfParent) {
      throw new StateError(
        'the item belongs to the process that this one was forked from: copy in front of the fork what both need',
      );
    }
    if (this.#item) return this.#item.value;
    throw new StateError('the item was released: copy what is needed for longer');
  }

  /** Gives the memory back: a byte array has none any more. Another value is not affected. Idempotent, never waits. */
  release(): void {
    if (!this.#item) return;
    this.#item = undefined;
    if (!this.#isOfParent) this.#release?.();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    if (this.#isOfParent) return `${TAG} { of the parent }`;
    return this.#item ? `${TAG} ${inspect(this.#item.value)}` : `${TAG} { released }`;
  }

  get #isOfParent(): boolean {
    return this.#release !== undefined && this.#generation !== forkGeneration();
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

/** What a message holds that lies in shared memory: a byte array stays there. @throws what `decode` throws; the message is gone then. */
export function loanedInPlace(
  { bytes, release }: LentMessage,
  decode: (bytes: Buffer) => unknown,
): LoanedItem {
  const within = bytesWithin(bytes);
  if (within) return new LoanedItem<unknown>(within, release);
  try {
    return new LoanedItem(decode(bytes));
  } finally {
    release();
  }
}

/** A value that was copied. Of a byte array nobody sees the bytes any more when it is released, as everywhere. */
export function loanedCopy(item: unknown): LoanedItem {
  if (!(item instanceof Uint8Array)) return new LoanedItem(item);
  const own = withOwnMemory(item);
  return new LoanedItem<unknown>(own, () => {
    drop(own.buffer);
  });
}

/** Small Buffers have a part of what others have parts of. */
function withOwnMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  if (buffer.byteLength === byteLength) return bytes as Uint8Array<ArrayBuffer>;
  const copy = new Uint8Array(bytes);
  return Buffer.isBuffer(bytes) ? Buffer.from(copy.buffer) : copy;
}
