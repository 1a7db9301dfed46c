import type { Message } from '../backend/contract.js';
import { QueueOutcome, type QueueHandle } from '../backend/queue-contract.js';
import { Deadline } from '../base/deadline.js';
import { checkWait, type Wait } from '../base/options.js';
import { CancelledError, ProcessError } from '../errors.js';
import { discardItem, encodeItem } from './items.js';
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
  checkWait('wait', wait);
  await new PutMany(handle, wait).run(items);
}

class PutMany {
  readonly #handle: QueueHandle;
  readonly #wait: Wait;
  readonly #deadline: Deadline;
  #put = 0;
  #ready: Message[] = [];
  #bytes = 0;

  constructor(handle: QueueHandle, wait: Wait) {
    this.#handle = handle;
    this.#wait = wait;
    this.#deadline = Deadline.after(wait.timeout);
  }

  async run(items: Iterable<unknown>): Promise<void> {
    try {
      this.#throwIfAborted();
      if (this.#handle.closed) throw closedHere();
      let index = 0;
      for (const item of items) {
        await this.#add(item, `items[${String(index)}]`);
        index += 1;
      }
      await this.#putReady();
    } catch (error) {
      throw this.#counted(error);
    } finally {
      for (const message of this.#ready) discardItem(message);
    }
  }

  async #add(item: unknown, name: string): Promise<void> {
    let message;
    try {
      message = encodeItem(item, name);
    } catch (error) {
      // Those before it are put, as they would be one by one.
      await this.#putReady();
      throw error;
    }
    this.#ready.push(message);
    this.#bytes += message.bytes.byteLength;
    if (this.#ready.length >= AHEAD_ITEMS || this.#bytes >= AHEAD_BYTES) await this.#putReady();
  }

  async #putReady(): Promise<void> {
    for (;;) {
      this.#throwIfAborted();
      this.#gone(this.#ready.length > 1 ? this.#handle.putSome(this.#ready) : 0);
      const [first] = this.#ready;
      if (first === undefined) break;
      await this.#putOne(first);
    }
    this.#bytes = 0;
  }

  async #putOne(message: Message): Promise<void> {
    const { timeout, signal } = this.#wait;
    const left = timeout === undefined ? undefined : this.#deadline.remainingMs();
    const begun = this.#handle.put(message, { timeout: left, signal });
    const outcome = typeof begun === 'number' ? begun : await begun;
    if (outcome === QueueOutcome.Closed) throw closedHere();
    if (outcome === QueueOutcome.TimedOut)
      throw queueFull(this.#handle.shape, timeout ?? 0, this.#put);
    this.#gone(1);
  }

  #gone(count: number): void {
    if (count === 0) return;
    this.#ready.splice(0, count);
    this.#put += count;
  }

  #throwIfAborted(): void {
    this.#wait.signal?.throwIfAborted();
  }

  /** The reason of a signal is its owner's, and may be given to others too: the count is not written into it. */
  #counted(error: unknown): unknown {
    const put = this.#put;
    const { signal } = this.#wait;
    if (signal?.aborted === true && error === signal.reason) {
      const message = `the signal was aborted after ${String(put)} items went in`;
      return new CancelledError(message, { put, cause: error });
    }
    if (error instanceof ProcessError) Object.assign(error, { put });
    return error;
  }
}
