import type { Message } from '../backend/contract.js';
import { QueueOutcome, type QueueHandle } from '../backend/queue-contract.js';
import { isAborted, reasonOf, throwIfAborted } from '../base/abort-signal.js';
import { Deadline } from '../base/deadline.js';
import { readWait, type Wait } from '../base/options.js';
import { afterScratch, copyFromScratch, scratch } from '../base/scratch.js';
import { CancelledError, ProcessError } from '../errors.js';
import { writeCompact } from '../serialization/compact-writer.js';
import { discardItem, writeLong } from './items.js';
import { closedHere, queueFull } from './reports.js';

/** So many items, or so many bytes of them, are made ready before they are put: what comes later is not even looked at. */
const AHEAD_ITEMS = 64;
const AHEAD_BYTES = 64 * 1024;

/** Puts them in order, as there is room. What it throws says how many were put. */
export async function putAll(
  handle: QueueHandle,
  items: Iterable<unknown>,
  wait: Wait,
): Promise<void> {
  await new PutMany(handle, readWait('wait', wait)).run(items);
}

class PutMany {
  readonly #handle: QueueHandle;
  readonly #wait: Wait;
  readonly #deadline: Deadline;
  #put = 0;
  /** Whether the scratch memory is taken, and what stands there: how many messages, and where the next one begins. */
  #holds = false;
  #count = 0;
  #next = 0;

  constructor(handle: QueueHandle, wait: Wait) {
    this.#handle = handle;
    this.#wait = wait;
    this.#deadline = Deadline.after(wait.timeout);
  }

  async run(items: Iterable<unknown>): Promise<void> {
    try {
      this.#throwIfAborted();
      if (this.#handle.closed) throw closedHere();
      await this.#putAll(items);
    } catch (error) {
      throw this.#counted(error);
    } finally {
      this.#release();
    }
  }

  async #putAll(items: Iterable<unknown>): Promise<void> {
    let index = 0;
    try {
      for (const item of items) {
        if (!this.#write(item)) {
          await this.#flush();
          if (!this.#write(item)) await this.#putOne(writeLong(item, `items[${String(index)}]`));
        }
        index += 1;
        if (this.#count >= AHEAD_ITEMS || this.#next >= AHEAD_BYTES) await this.#flush();
      }
    } finally {
      // Also those before one that cannot be sent, or that the iterable could not give.
      await this.#flush();
    }
  }

  /** False when it does not fit, or is not of the many small ones. */
  #write(item: unknown): boolean {
    if (!this.#holds && scratch.busy) return false;
    this.#holds = scratch.busy = true;
    const end = writeCompact(scratch.bytes, this.#next, item);
    if (end < 0) {
      if (this.#count === 0) this.#release();
      return false;
    }
    scratch.lengths[this.#count] = end - this.#next;
    this.#count += 1;
    this.#next = afterScratch(end);
    return true;
  }

  /** Others may use the scratch memory from here on. */
  #release(): void {
    if (this.#holds) scratch.busy = false;
    this.#holds = false;
    this.#count = 0;
    this.#next = 0;
  }

  async #flush(): Promise<void> {
    const count = this.#count;
    const put = count === 0 || this.#isAborted ? 0 : this.#handle.putScratch(count);
    this.#put += put;
    const rest = put < count ? [...copyFromScratch(count)].slice(put) : [];
    this.#release();
    for (const bytes of rest) {
      this.#throwIfAborted();
      await this.#putOne({ bytes, handles: [] });
    }
  }

  async #putOne(message: Message): Promise<void> {
    const { timeout, signal } = this.#wait;
    const left = timeout === undefined ? undefined : this.#deadline.remainingMs();
    let outcome: QueueOutcome | undefined;
    try {
      const begun = this.#handle.put(message, { timeout: left, signal });
      outcome = typeof begun === 'number' ? begun : await begun;
    } finally {
      if (outcome !== QueueOutcome.Done) discardItem(message);
    }
    if (outcome === QueueOutcome.Closed) throw closedHere();
    if (outcome === QueueOutcome.TimedOut)
      throw queueFull(this.#handle.shape, timeout ?? 0, this.#put);
    this.#put += 1;
  }

  get #isAborted(): boolean {
    return isAborted(this.#wait.signal);
  }

  #throwIfAborted(): void {
    throwIfAborted(this.#wait.signal);
  }

  /** The reason of a signal is its owner's, and may be given to others too: the count is not written into it. */
  #counted(error: unknown): unknown {
    const put = this.#put;
    const { signal } = this.#wait;
    if (signal !== undefined && isAborted(signal) && error === reasonOf(signal)) {
      const message = `the signal was aborted after ${String(put)} items went in`;
      return new CancelledError(message, { put, cause: error });
    }
    if (error instanceof ProcessError) Object.assign(error, { put });
    return error;
  }
}
