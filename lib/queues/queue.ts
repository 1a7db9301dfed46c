import { inspect } from 'node:util';
import { QueueOutcome, type QueueHandle, type Taken } from '../backend/queue-contract.js';
import { FOR_EVER, readWait, type Wait } from '../base/options.js';
import { QueueClosedError } from '../errors.js';
import { Loan } from '../loans/loan.js';
import type { LoanedItem } from '../loans/loaned-item.js';
import { READINESS, type HasReadiness, type Readiness } from '../base/readiness.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import type { Transfer } from '../serialization/transfer.js';
import { sendShared, type Shared } from '../serialization/travel.js';
import {
  acquireTimeout,
  acquireWait,
  syncTimeout,
  type Blocking,
  type SyncWait,
} from '../sync/options.js';
import { ArrivedQueue, openQueue } from './arrived.js';
import { queueBackend } from './backend.js';
import { queuesGoByArguments } from './given.js';
import { decodeItem, discardItem, writeItem } from './items.js';
import { getLoaned, getLoanedSync, lenderOf } from './loans.js';
import { checkItems, checkMax, queueShape, type QueueOptions } from './options.js';
import { putAll } from './put-many.js';
import { closedHere, queueEmpty, queueEnded, queueFull } from './reports.js';
import { Undecodable } from './undecodable.js';

const TAG = 'Queue';

/**
 * First in, first out, among any number of processes that put and get. Items of one producer keep their order. It travels to
 * other processes as an argument, inside a value, over a Connection or in another queue, and a forked closure just has it; all
 * of them then have the same queue. Python: `multiprocessing.Queue`.
 *
 * A queue that is an argument of a process goes by arguments: other forked processes take no part in it, and do not keep it from
 * coming to its end, until they use it.
 *
 * A put is done when its item is in the queue: there is no thread that sends it later. So an item that cannot travel is refused by
 * the put, a process may end although what it put was not got yet, and the death of one process costs the others nothing:
 * what it had put is there, and what it had got is its own.
 */
export class Queue<T = unknown>
  implements AsyncIterable<T>, HasReadiness, Disposable, AsyncDisposable
{
  readonly #handle: QueueHandle;
  readonly #undecodable = new Undecodable();

  /**
   * @param maxSizeOrOptions `maxSize`, most items at a time (Python: `maxsize`), or options: `maxSize`, and `maxBytes`, most bytes of
   * items at a time. 0, the default, is no bound.
   * @throws TypeError and RangeError naming the argument; SystemError when there is no more room; NotSupportedError where the
   * backend has no queues.
   */
  constructor(maxSizeOrOptions?: number | QueueOptions) {
    const given: unknown = maxSizeOrOptions;
    this.#handle = given instanceof ArrivedQueue ? given.handle : this.newHandle(given);
    refuseClone(this, TAG);
  }

  /**
   * Puts the item into the queue, without blocking the thread while there is no room; first come, first served. What is changed in
   * the item later is not in the queue. Python: `put(obj, block, timeout)`.
   * @param item Any value that can travel to another process.
   * @param options.timeout Milliseconds. Absent waits for ever, 0 tries once.
   * @param options.signal Ends the wait.
   * @param options.block False tries once, whatever the timeout.
   * @returns A promise that resolves when the item is in the queue.
   * @throws (as rejections, nothing was put) SerializationError for an item that cannot travel; QueueFullError when the time was over;
   * QueueClosedError after `close()`; the signal's reason; RangeError for an item of more than `maxBytes`; SystemError when memory
   * has run out; NotSupportedError for an item with a Connection that is kept by a socket; TypeError and RangeError for
   * wrong options.
   */
  async put(item: T, options?: Wait & Blocking): Promise<void> {
    const wait = options === undefined ? FOR_EVER : acquireWait(options);
    const message = writeItem(item);
    let outcome: QueueOutcome | undefined;
    try {
      const begun = this.#handle.put(message, wait);
      outcome = typeof begun === 'number' ? begun : await begun;
    } finally {
      if (outcome !== QueueOutcome.Done) discardItem(message);
    }
    this.#checkPut(outcome, wait.timeout);
  }

  /**
   * The same, blocking the thread while there is no room. The event loop stands still meanwhile, so somebody else must be there to
   * get. @throws NotSupportedError on the fallback backend, beside what `put` throws.
   */
  putSync(item: T, options?: SyncWait & Blocking): void {
    this.#putSync(item, acquireTimeout(options));
  }

  /**
   * Puts the item at once or not at all. Never waits. Python: `put_nowait(obj)`.
   * @throws QueueFullError; what `put` throws; NotSupportedError on the fallback backend in every process but the first, where
   * `await put(item, { timeout: 0 })` does it.
   */
  putNowait(item: T): void {
    this.#putSync(item, 0);
  }

  /**
   * Puts the items one after the other, in order, waiting for room as it has to, without blocking the thread. Other puts may come in
   * between. No twin in Python.
   * @param items Taken as there is room, so it may be without end.
   * @param wait.timeout Milliseconds for all of them together. Absent waits for ever, 0 puts what there is room for.
   * @param wait.signal Ends the wait.
   * @throws (as rejections) what `put` throws, and what the iterable throws. The items before are in the queue then, and none after:
   * `error.put` says how many, except of errors that are not the package's own. An aborted signal is CancelledError, with the
   * reason as its `cause`.
   */
  async putMany(items: Iterable<T>, wait: Wait = FOR_EVER): Promise<void> {
    checkItems<T>(items);
    await putAll(this.#handle, items, wait);
  }

  /**
   * Takes the oldest item, without blocking the thread until there is one; who came first is served first. Python:
   * `get(block, timeout)`.
   * @param options.timeout Milliseconds. Absent waits for ever, 0 tries once.
   * @param options.signal Ends the wait.
   * @param options.block False tries once, whatever the timeout.
   * @throws (as rejections) QueueEmptyError when the time was over; QueueClosedError when every process has closed its side and
   * nothing is left; SerializationError for an item that cannot be understood here: that one is gone, and the next can be got;
   * the signal's reason, and nothing was taken; TypeError and RangeError for wrong options.
   */
  async get(options?: Wait & Blocking): Promise<T> {
    const wait = options === undefined ? FOR_EVER : acquireWait(options);
    this.#undecodable.throwNext();
    const begun = this.#handle.get(decodeItem, wait);
    return this.#item(begun instanceof Promise ? await begun : begun, wait.timeout) as T;
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `get` throws. */
  getSync(options?: SyncWait & Blocking): T {
    return this.#getSync(acquireTimeout(options));
  }

  /**
   * Takes the oldest item at once, or throws. Never waits. What a promise of a put that resolved has put is there. Python:
   * `get_nowait()`.
   * @throws QueueEmptyError; what `get` throws; NotSupportedError on the fallback backend in every process but the first, where
   * `await get({ timeout: 0 })` does it.
   */
  getNowait(): T {
    return this.#getSync(0);
  }

  /**
   * Takes what is there, in order, up to `max` items, and waits for the first only, without blocking the thread. No twin in Python.
   * @param max An integer of at least 1.
   * @param wait.timeout Milliseconds to wait for the first. Absent waits for ever, 0 tries once.
   * @param wait.signal Ends the wait.
   * @returns At least one item. Items that cannot be understood are left out, and thrown by the next calls that get, one each; when
   * there is no other, by this one.
   * @throws (as rejections) what `get` throws; TypeError and RangeError for another `max`.
   */
  async getMany(max: number, wait: Wait = FOR_EVER): Promise<T[]> {
    checkMax(max);
    const limits = readWait('wait', wait);
    this.#undecodable.throwNext();
    const begun = this.#handle.getMany(decodeItem, max, limits);
    const taken = begun instanceof Promise ? await begun : begun;
    if (typeof taken === 'number') throw notTaken(taken, limits.timeout);
    return this.#undecodable.sort(taken) as T[];
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `getMany` throws. */
  getManySync(max: number, wait?: SyncWait): T[] {
    checkMax(max);
    const timeout = syncTimeout('wait', wait);
    this.#undecodable.throwNext();
    const taken = this.#handle.getManySync(decodeItem, max, timeout);
    if (typeof taken === 'number') throw notTaken(taken, timeout);
    return this.#undecodable.sort(taken) as T[];
  }

  /**
   * Memory for an item that is a byte array, to be written where it will lie: see `Loan`. Never waits. Where there is none to be lent
   * (the fallback backend, runtimes without views of foreign memory) it is copied by the put, and all else is the same. No twin in Python.
   * @param size In bytes, at most 4 GiB - 17.
   * @throws TypeError and RangeError for another size, or one that `maxBytes` does not allow; QueueClosedError after `close()`;
   * SystemError when memory has run out.
   */
  loan(size: number): Loan {
    return Loan.from(lenderOf(this.#handle), size);
  }

  /**
   * Puts what was written into the loan, without a copy. Whoever gets it gets a Uint8Array. Nobody here sees its bytes any more from the
   * call on, and nothing else may still read or write them then, such as a pending `fs.read`.
   * @throws (as rejections) what `put` throws, and then the loan can be put once more, or released; StateError for one that was put or
   * released, of another queue, of the process that this one was forked from, or whose memory was transferred away; TypeError.
   */
  async putLoan(loan: Loan, options?: Wait & Blocking): Promise<void> {
    const wait = options === undefined ? FOR_EVER : acquireWait(options);
    this.#checkPut(await Loan.put(Loan.use(loan, lenderOf(this.#handle)), wait), wait.timeout);
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `putLoan` throws. */
  putLoanSync(loan: Loan, options?: SyncWait & Blocking): void {
    const timeout = acquireTimeout(options);
    this.#checkPut(Loan.putSync(Loan.use(loan, lenderOf(this.#handle)), timeout), timeout);
  }

  /**
   * Takes the oldest item as `get` does, but that a long byte array, whoever has put it, stays in the queue's memory until it is
   * released. Of a JoinableQueue it is a copy. @throws (as rejections) what `get` throws.
   */
  async getLoan(options?: Wait & Blocking): Promise<LoanedItem<T>> {
    const wait = options === undefined ? FOR_EVER : acquireWait(options);
    this.#undecodable.throwNext();
    const begun = getLoaned(this.#handle, wait);
    return this.#item(
      begun instanceof Promise ? await begun : begun,
      wait.timeout,
    ) as LoanedItem<T>;
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `getLoan` throws. */
  getLoanSync(options?: SyncWait & Blocking): LoanedItem<T> {
    const timeout = acquireTimeout(options);
    this.#undecodable.throwNext();
    return this.#item(getLoanedSync(this.#handle, timeout), timeout) as LoanedItem<T>;
  }

  /** How many items are in it. Never waits, and may be outdated at once. Python: `qsize()`, missing on macOS there. */
  qsize(): number {
    return this.#handle.size();
  }

  /** Whether there is no item in it. Never waits, and may be outdated at once. Python: `empty()`. */
  empty(): boolean {
    return this.#handle.size() === 0;
  }

  /** Whether it has `maxSize` items; `maxBytes` does not count. Never waits, and may be outdated at once. Python: `full()`. */
  full(): boolean {
    const { maxSize } = this.#handle.shape;
    return maxSize > 0 && this.#handle.size() >= maxSize;
  }

  /**
   * No more puts from this process; puts of it that wait reject with QueueClosedError. What is in the queue can be got, here too. When
   * every process has closed its side, by this or by its end, and the queue is empty, `get` rejects with QueueClosedError and
   * iteration ends. Idempotent, never waits. Python: `close()`, after which nothing can be got either.
   */
  close(): void {
    this.#handle.close();
  }

  /** Whether this process has closed its side. */
  get closed(): boolean {
    return this.#handle.closed;
  }

  /** Resolves at once: a put is in the queue when its promise resolves, so there is no thread to wait for. Python: `join_thread()`. */
  async joinThread(): Promise<void> {
    // Kept for ported programs.
  }

  /** Does nothing: the end of a process never waits for what it has put. Python: `cancel_join_thread()`. */
  cancelJoinThread(): void {
    // Kept for ported programs.
  }

  /** For `wait()` and `waitSync()`: ready when `get` would not wait. */
  [READINESS](): Readiness {
    return this.#handle.readiness();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection instead of a throw, as the protocol has it
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Every item, until every process has closed its side: this one too, so close it first. Takes none that is not asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      let item: T;
      try {
        item = await this.get();
      } catch (error) {
        if (error instanceof QueueClosedError) return;
        throw error;
      }
      yield item;
    }
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    const { maxSize } = this.#handle.shape;
    const size = `size: ${String(this.qsize())}`;
    const bound = maxSize > 0 ? ` of ${String(maxSize)}` : '';
    return `${this[Symbol.toStringTag]} { ${size}${bound}${this.closed ? ', closed' : ''} }`;
  }

  /** @internal */
  protected newHandle(given: unknown): QueueHandle {
    return queueBackend().create(queueShape(given));
  }

  #putSync(item: T, timeoutMs: number): void {
    const message = writeItem(item);
    let outcome: QueueOutcome | undefined;
    try {
      outcome = this.#handle.putSync(message, timeoutMs);
    } finally {
      if (outcome !== QueueOutcome.Done) discardItem(message);
    }
    this.#checkPut(outcome, timeoutMs);
  }

  #checkPut(outcome: QueueOutcome, timeoutMs: number | undefined): void {
    if (outcome === QueueOutcome.Done) return;
    if (outcome === QueueOutcome.Closed) throw closedHere();
    throw queueFull(this.#handle.shape, timeoutMs ?? 0);
  }

  #getSync(timeoutMs: number): T {
    this.#undecodable.throwNext();
    return this.#item(this.#handle.getSync(decodeItem, timeoutMs), timeoutMs) as T;
  }

  #item(taken: Taken<unknown>, timeoutMs: number | undefined): unknown {
    if (typeof taken === 'number') throw notTaken(taken, timeoutMs);
    return taken.value;
  }

  /** For JoinableQueue. @internal */
  static handleOf(queue: Queue<unknown>): QueueHandle {
    return queue.#handle;
  }

  /** @internal */
  static send(queue: Queue<unknown>, transfer: Transfer): Shared {
    return sendShared(queue.#handle, transfer);
  }

  static {
    queuesGoByArguments((value) => (#handle in value ? value.#handle : undefined));
    registerHandleReducer<Queue<unknown>, Shared>(TAG, Queue<unknown>, {
      reduce: (queue, transfer) => Queue.send(queue, transfer),
      rebuild: (data, handles) => new Queue(openQueue(data, handles, false) as never),
    });
  }
}

function notTaken(
  outcome: QueueOutcome.TimedOut | QueueOutcome.Closed,
  timeoutMs: number | undefined,
): Error {
  return outcome === QueueOutcome.Closed ? queueEnded() : queueEmpty(timeoutMs ?? 0);
}
