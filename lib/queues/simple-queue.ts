import { inspect } from 'node:util';
import { QueueOutcome, type QueueHandle, type Taken } from '../backend/queue-contract.js';
import type { Wait } from '../base/options.js';
import { READINESS, type HasReadiness, type Readiness } from '../base/readiness.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { sendShared, type Shared } from '../serialization/travel.js';
import { ArrivedQueue, openQueue } from './arrived.js';
import { queueBackend } from './backend.js';
import { queuesGoByArguments } from './given.js';
import { decodeItem, discardItem, writeItem } from './items.js';
import { queueShape } from './options.js';
import { closedBothWays, queueEmpty, queueEnded } from './reports.js';

const TAG = 'SimpleQueue';

/**
 * A queue without a bound, without timeouts, and closed both ways. It travels as a Queue does. Python:
 * `multiprocessing.SimpleQueue`, whose bound is that of a pipe.
 */
export class SimpleQueue<T = unknown> implements HasReadiness, Disposable {
  readonly #handle: QueueHandle;
  /** Ends the waits of this process when it closes the queue. */
  readonly #end = new AbortController();
  readonly #wait: Wait = { signal: this.#end.signal };
  #closed = false;

  /** @throws SystemError when there is no more room; NotSupportedError where the backend has no queues. */
  constructor() {
    // eslint-disable-next-line prefer-rest-params -- the package's own argument is none of the public ones
    const [arrived] = arguments as unknown as [unknown];
    this.#handle =
      arrived instanceof ArrivedQueue
        ? arrived.handle
        : queueBackend().create(queueShape(undefined));
    refuseClone(this, TAG);
  }

  /**
   * Resolves when the item is in the queue. Does not block, and waits for nobody who gets. Python: `put(item)`, which may block.
   * @throws (as rejections, nothing was put) SerializationError for an item that cannot travel; QueueClosedError after `close()`;
   * SystemError when memory has run out.
   */
  async put(item: T): Promise<void> {
    if (this.#closed) throw closedBothWays();
    const message = writeItem(item);
    let outcome: QueueOutcome | undefined;
    try {
      const begun = this.#handle.put(message, this.#wait);
      outcome = typeof begun === 'number' ? begun : await begun;
    } finally {
      if (outcome !== QueueOutcome.Done) discardItem(message);
    }
    if (outcome !== QueueOutcome.Done) throw closedBothWays();
  }

  /** The same at once. @throws What `put` throws; NotSupportedError on the fallback backend. */
  putSync(item: T): void {
    if (this.#closed) throw closedBothWays();
    const message = writeItem(item);
    let outcome: QueueOutcome | undefined;
    try {
      outcome = this.#handle.putSync(message, Infinity);
    } finally {
      if (outcome !== QueueOutcome.Done) discardItem(message);
    }
    if (outcome !== QueueOutcome.Done) throw closedBothWays();
  }

  /**
   * Takes the oldest item, without blocking the thread until there is one. Python: `get()`.
   * @throws (as rejections) QueueClosedError after `close()`, also of a wait that had begun, and when every process has closed the
   * queue and nothing is left; SerializationError for an item that cannot be understood here: the next can be got.
   */
  async get(): Promise<T> {
    if (this.#closed) throw closedBothWays();
    const begun = this.#handle.get(decodeItem, this.#wait);
    return this.#item(begun instanceof Promise ? await begun : begun);
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `get` throws. */
  getSync(): T {
    if (this.#closed) throw closedBothWays();
    return this.#item(this.#handle.getSync(decodeItem, Infinity));
  }

  /**
   * Whether nothing is in it. Never waits, and may be outdated at once. Python: `empty()`.
   * @throws QueueClosedError after `close()` (Python: OSError).
   */
  empty(): boolean {
    if (this.#closed) throw closedBothWays();
    return this.#handle.size() === 0;
  }

  /** No more puts and gets here; waits of this process reject with QueueClosedError. Idempotent, never waits. Python: `close()`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.close();
    this.#end.abort(closedBothWays());
  }

  /** Whether this process has closed it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** For `wait()` and `waitSync()`: ready when `get` would not wait. @throws QueueClosedError after `close()`. */
  [READINESS](): Readiness {
    if (this.#closed) throw closedBothWays();
    return this.#handle.readiness();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    return `${TAG} { ${this.#closed ? 'closed' : `size: ${String(this.#handle.size())}`} }`;
  }

  #item(taken: Taken<unknown>): T {
    if (typeof taken !== 'number') return taken.value as T;
    throw taken === QueueOutcome.Closed ? queueEnded() : queueEmpty(Infinity);
  }

  static {
    queuesGoByArguments((value) => (#handle in value ? value.#handle : undefined));
    registerHandleReducer<SimpleQueue<unknown>, Shared>(TAG, SimpleQueue<unknown>, {
      reduce: (queue, transfer) => {
        if (queue.#closed) throw closedBothWays();
        return sendShared(queue.#handle, transfer);
      },
      rebuild: (data, handles) =>
        new (SimpleQueue as new (arrived: ArrivedQueue) => SimpleQueue<unknown>)(
          openQueue(data, handles, false),
        ),
    });
  }
}
