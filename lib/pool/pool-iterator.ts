/**
 * imap and imapUnordered: reads its source only as far ahead of the consumer as the buffer allows, and gives results in order
 * or as they come. An item's error rejects its own `next()` and the iteration may go on, as in Python.
 */
import { isAborted } from '../base/abort-signal.js';
import { PendingWait } from '../base/wait.js';
import { CancelledError, TimeoutError } from '../errors.js';
import type { PoolFunction } from './functions.js';
import {
  checkStep,
  closeSource,
  forgottenIterations,
  isLater,
  sourceOf,
  stepOf,
  type Source,
} from './item-source.js';
import { limit } from './limits.js';
import { OutcomeQueue } from './outcome-queue.js';
import { checkOwner } from './owner.js';
import { controlOf, reporterFor, type ImapOptions, type Items } from './pool-options.js';
import { ProgressMeter, sizeOf } from './progress.js';
import { CallShape, failed, Task, type Flow, type Outcome, type TaskControl } from './task.js';
import type { WorkerSet } from './worker-set.js';
import type { Job } from './workload.js';

const DONE = { done: true, value: undefined } as const;

export interface ImapRequest {
  readonly fn: PoolFunction;
  readonly ordered: boolean;
  readonly options: ImapOptions;
  readonly workers: number;
}

type Step<R> = IteratorResult<R, undefined>;

export class PoolIterator<T, R> implements AsyncIterableIterator<R> {
  readonly #owner = process.pid;
  readonly #set: WorkerSet;
  readonly #request: ImapRequest;
  readonly #chunkSize: number;
  readonly #buffer: number;
  readonly #source: Source<T>;
  readonly #meter: ProgressMeter;
  readonly #flow: Flow = { turn: 0 };
  readonly #control: TaskControl;
  readonly #liftLimit: () => void;
  /** Read, but not yet enough for a task. */
  #chunk: T[] = [];
  readonly #tasks = new Set<Task>();
  /** Tasks made so far; the number of the next. */
  #made = 0;
  readonly #arrivals: OutcomeQueue<R>;
  /** Calls of next() that wait, oldest first. */
  readonly #askers = new Set<PendingWait<Step<R>>>();
  /** Items read and not given out. */
  #ahead = 0;
  #reading = false;
  #exhausted = false;
  #ended = false;
  /** After an error: it is read on, and a closed pool waits for it, only when the consumer comes back. */
  #paused = false;
  #holding = false;
  /** What the pool knows of it, which does not keep it: a task or a step under way does, or the consumer. */
  readonly #job: Job;
  /** It is read on although nobody takes what is there. */
  #drains = false;

  constructor(set: WorkerSet, request: ImapRequest, items: Items<T>) {
    const { chunkSize = 1, buffer = 4 * request.workers * chunkSize, signal } = request.options;
    this.#set = set;
    this.#request = request;
    this.#arrivals = new OutcomeQueue(request.ordered);
    this.#buffer = buffer;
    this.#chunkSize = Math.min(chunkSize, buffer);
    this.#source = sourceOf(items);
    this.#meter = new ProgressMeter(request.options, sizeOf(items));
    // `timeout` bounds the wait for an item here, not the item.
    this.#control = controlOf({ ...request.options, timeout: undefined });
    this.#liftLimit = limit({ signal }, 'the iteration', (reason) => {
      this.fail(reason);
    });
    this.#job = weakly(this);
    forgottenIterations.register(
      this,
      { set, job: this.#job, source: this.#source, owner: this.#owner },
      this,
    );
    if (signal !== undefined && isAborted(signal)) return;
    this.#hold();
    this.#read();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Step<R>> {
    const isMine = this.#owner === process.pid;
    if (isMine) this.#resume();
    const outcome = this.#arrivals.take();
    if (outcome !== undefined) {
      if (isMine) this.#gaveOne(outcome);
      else this.#ahead--;
      if (outcome.ok) return { done: false, value: outcome.value };
      throw outcome.error;
    }
    if (this.#isOver()) return DONE;
    checkOwner(this.#owner, 'this iteration', 'it does not go on');
    const { timeout } = this.#request.options;
    const asker: PendingWait<Step<R>> = new PendingWait<Step<R>>(
      { timeout },
      () => {
        // It may come back. If it does not, the pool is not to wait for it.
        if (this.#askers.size === 1) this.#pause();
        throw new TimeoutError(
          `no result came within ${String(timeout)} ms; the iteration may go on`,
        );
      },
      () => this.#askers.delete(asker),
    );
    this.#askers.add(asker);
    return asker.promise;
  }

  /** Stops reading; drops what has not begun. */
  async return(): Promise<Step<R>> {
    const wasReading = this.#reading;
    const open = !this.#exhausted;
    this.#end((task) => {
      this.#set.cancel(task, new CancelledError('the iteration was left'));
    });
    for (const asker of this.#askers) asker.resolve(DONE);
    // A source that is in the middle of a step cleans up when that step ends, which may be never: it is not waited for.
    const cleanup = open ? this.#source.return?.() : undefined;
    if (wasReading) Promise.resolve(cleanup).catch(() => undefined);
    else await cleanup;
    return DONE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** The pool has ended, or the signal has spoken: the next who asks is told, and then it is over. */
  fail(error: unknown): void {
    if (this.#ended) return;
    if (!this.#exhausted) closeSource(this.#source);
    this.#end((task) => {
      this.#set.abort(task, error);
    });
    this.#arrivals.replace([failed(error)]);
    this.#serve();
  }

  /**
   * Somebody waits for the end of the pool, and it may be who should take what is there: it is read on, as in Python, as far ahead of
   * what has a result.
   */
  drain(): void {
    this.#drains = true;
    this.#read();
  }

  // ---- reading ---------------------------------------------------------------------------------------------------------------

  #read(): void {
    while (!this.#reading && !this.#exhausted && !this.#paused && this.#hasRoom()) {
      try {
        const step = stepOf(this.#source);
        if (isLater(step)) this.#readLater(step);
        else this.#accept(step);
      } catch (error) {
        this.#sourceFailed(error);
      }
    }
  }

  #hasRoom(): boolean {
    const kept = this.#drains ? this.#arrivals.size : 0;
    return this.#ahead - kept < this.#buffer;
  }

  #readLater(step: PromiseLike<IteratorResult<T>>): void {
    this.#reading = true;
    const after = (act: () => void): void => {
      this.#reading = false;
      if (this.#ended) return;
      try {
        act();
      } catch (error) {
        this.#sourceFailed(error);
      }
      this.#read();
    };
    Promise.resolve(step).then(
      (result) => {
        after(() => {
          this.#accept(checkStep(result));
        });
      },
      (error: unknown) => {
        after(() => {
          throw error;
        });
      },
    );
  }

  #accept(step: IteratorResult<T>): void {
    if (step.done === true) {
      this.#exhaust();
      return;
    }
    this.#ahead++;
    this.#chunk.push(step.value);
    if (this.#chunk.length >= this.#chunkSize) this.#submitChunk();
  }

  #submitChunk(): void {
    const payload = this.#chunk;
    if (payload.length === 0) return;
    this.#chunk = [];
    const turn = this.#made++;
    const { fn, options } = this.#request;
    const task = new Task({
      fn,
      shape: CallShape.Each,
      payload,
      flow: this.#flow,
      control: { ...this.#control, onReport: reporterFor(options, turn * this.#chunkSize) },
      onSettled: (outcome) => {
        this.#tasks.delete(task);
        const each = outcome.ok ? (outcome.value as Outcome<R>[]) : payload.map(() => outcome);
        this.#arrived(turn, each);
      },
    });
    this.#tasks.add(task);
    this.#set.submit([task]);
  }

  /** The source's error takes the place of the item that it could not give. */
  #sourceFailed(error: unknown): void {
    this.#submitChunk();
    this.#ahead++;
    this.#arrived(this.#made++, [failed(error)]);
    this.#exhaust();
  }

  #exhaust(): void {
    this.#exhausted = true;
    this.#submitChunk();
    this.#release();
    if (this.#isOver()) this.#finish();
  }

  // ---- giving ----------------------------------------------------------------------------------------------------------------

  #arrived(turn: number, outcomes: Outcome<R>[]): void {
    if (this.#ended) return;
    this.#meter.add(outcomes.length, outcomes.filter(({ ok }) => !ok).length);
    this.#arrivals.add(turn, outcomes);
    this.#serve();
    if (this.#drains) this.#read();
  }

  #serve(): void {
    for (const asker of this.#askers) {
      const outcome = this.#arrivals.take();
      if (outcome === undefined) break;
      if (outcome.ok) asker.resolve({ done: false, value: outcome.value });
      else asker.reject(outcome.error);
      this.#gaveOne(outcome);
    }
    if (this.#isOver()) this.#finish();
  }

  #gaveOne(outcome: Outcome<R>): void {
    if (this.#ended) return;
    this.#ahead--;
    if (outcome.ok || this.#askers.size > 0) this.#read();
    else this.#pause();
  }

  /** `for await` leaves at an error without a word, be it an item's or that none came in time. Who goes on by hand asks again within this turn of the loop, or later. */
  #pause(): void {
    this.#paused = true;
    setImmediate(() => {
      if (this.#paused) this.#release();
    });
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#exhausted) this.#hold();
    this.#read();
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------------

  #isOver(): boolean {
    if (!this.#arrivals.isEmpty) return false;
    return this.#ended || (this.#exhausted && this.#ahead === 0);
  }

  #finish(): void {
    this.#end();
    for (const asker of this.#askers) asker.resolve(DONE);
  }

  /** `drop`: what becomes of tasks that have not settled. */
  #end(drop?: (task: Task) => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#exhausted = true;
    forgottenIterations.unregister(this);
    this.#liftLimit();
    this.#meter.end();
    this.#arrivals.replace([]);
    this.#chunk = [];
    if (drop !== undefined) for (const task of this.#tasks) drop(task);
    this.#release();
  }

  /** Until it has read its source to the end, a closed pool goes on working. */
  #hold(): void {
    if (this.#holding) return;
    this.#holding = true;
    this.#set.addJob(this.#job);
  }

  #release(): void {
    if (!this.#holding) return;
    this.#holding = false;
    this.#set.removeJob(this.#job);
  }
}

function weakly(iterator: Required<Job>): Job {
  const reference = new WeakRef(iterator);
  return {
    fail(error) {
      reference.deref()?.fail(error);
    },
    drain() {
      reference.deref()?.drain();
    },
  };
}
