/** ProcessPoolExecutor.map on its way: its chunks handed in ahead of the consumer, the results given out in order. */
import { isAborted, reasonOf } from '../base/abort-signal.js';
import { Deadline } from '../base/deadline.js';
import { PendingWait } from '../base/wait.js';
import { TimeoutError } from '../errors.js';
import type { ExecutorMapOptions } from './executor-options.js';
import type { Call } from './executor-work.js';
import type { PoolFunction } from './functions.js';
import { Future } from './future.js';
import { limit } from './limits.js';
import { CallShape, failed, type Outcome } from './task.js';
import { Zip } from './zip.js';

const DONE = { done: true, value: undefined } as const;

type Step<R> = IteratorResult<R, undefined>;
const nothing = (): void => undefined;

type Submit<R> = (call: Call) => Future<Outcome<R>[]>;

interface Chunk<R> {
  readonly future: Future<Outcome<R>[]>;
  readonly calls: number;
  next: Chunk<R> | undefined;
}

export class ExecutorMap<R> implements AsyncIterableIterator<R> {
  /** While there is something to hand in. It keeps the executor alive, which ends when it is collected. */
  #submitter: Submit<R> | undefined;
  readonly #fn: PoolFunction;
  readonly #source: Zip;
  readonly #options: ExecutorMapOptions;
  readonly #deadline: Deadline;
  readonly #liftLimit: () => void;
  #ended = false;
  /** Handed in and not given out, oldest first. */
  #first: Chunk<R> | undefined;
  #last: Chunk<R> | undefined;
  /** Of the chunk that is being given out, the next one last: who was given a result alone has it. */
  #outcomes: Outcome<R>[] = [];
  /** Calls of next() are answered one after the other. */
  #turn: Promise<void> = Promise.resolve();
  /** What a next() waits for. */
  #current: Chunk<R> | undefined;
  #waiting: PendingWait<void> | undefined;

  constructor(
    submitter: Submit<R>,
    fn: PoolFunction,
    iterables: readonly Iterable<unknown>[],
    options: ExecutorMapOptions,
  ) {
    this.#submitter = submitter;
    this.#fn = fn;
    this.#options = options;
    this.#deadline = Deadline.after(options.timeout);
    this.#source = new Zip(iterables);
    const { signal, bufferSize = Infinity } = options;
    this.#liftLimit = limit({ signal }, '', (reason) => {
      this.#fail(reason);
    });
    if (signal !== undefined && isAborted(signal)) this.#fail(reasonOf(signal));
    for (let ahead = 0; ahead < bufferSize && this.#submitter !== undefined; ahead++)
      this.#handIn();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step<R>> {
    const step = this.#turn.then(() => this.#step());
    this.#turn = step.then(nothing, nothing);
    return step;
  }

  /** Python's `close()`: cancels what has not begun. */
  return(): Promise<Step<R>> {
    this.#end([]);
    return new Promise((resolve) => {
      this.#source.close();
      resolve(DONE);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #step(): Promise<Step<R>> {
    for (;;) {
      const outcome = this.#outcomes.pop();
      if (outcome?.ok === true) return { done: false, value: outcome.value };
      if (outcome !== undefined) throw outcome.error;
      const chunk = this.#takeChunk();
      if (chunk === undefined) {
        this.#end([]);
        return DONE;
      }
      if (this.#options.bufferSize !== undefined) this.#handIn();
      await this.#untilSettled(chunk);
      if (this.#ended) continue;
      const outcomes = await outcomesOf(chunk);
      if (!this.#ended) this.#outcomes = outcomes;
    }
  }

  /** Until it is settled, or all of this has ended. */
  async #untilSettled(chunk: Chunk<R>): Promise<void> {
    if (chunk.future.settled || this.#ended) return;
    const unwatch = chunk.future.watch(() => {
      waiting.resolve();
    });
    const late = (): void => {
      this.#fail(this.#tooLate());
    };
    const timeout = this.#deadline.remainingMs();
    const waiting = new PendingWait<void>({ timeout }, late, unwatch);
    this.#waiting = waiting;
    this.#current = chunk;
    await waiting.promise;
    this.#waiting = undefined;
    this.#current = undefined;
  }

  #tooLate(): TimeoutError {
    const ms = String(this.#options.timeout);
    return new TimeoutError(
      `the map of ${this.#fn.name} had not finished within ${ms} ms; what had not begun was cancelled`,
    );
  }

  // ---- the chunks --------------------------------------------------------------------------------------------------------------

  /** What goes wrong here takes its place behind what was handed in before. */
  #handIn(): void {
    const submit = this.#submitter;
    if (submit === undefined) return;
    const { chunkSize = 1 } = this.#options;
    const payload: unknown[][] = [];
    const last: Future<never>[] = [];
    try {
      let args: unknown[] | undefined;
      while (payload.length < chunkSize && (args = this.#source.next()) !== undefined)
        payload.push(args);
    } catch (error) {
      last.push(failedFuture(error));
    }
    // What was read may be user code that has ended all this.
    if (this.#ended) return;
    try {
      const call = { fn: this.#fn, shape: CallShape.StarEach, payload };
      if (payload.length > 0) this.#append(submit(call), payload.length);
    } catch (error) {
      // Shut down, or broken, since the last step.
      last.unshift(failedFuture(error));
    }
    if (payload.length < chunkSize || last.length > 0) this.#submitter = undefined;
    if (last[0] === undefined) return;
    this.#append(last[0], 1);
    this.#source.closeAfterError();
  }

  #append(future: Future<Outcome<R>[]>, calls: number): void {
    const chunk: Chunk<R> = { future, calls, next: undefined };
    if (this.#last === undefined) this.#first = chunk;
    else this.#last.next = chunk;
    this.#last = chunk;
  }

  #takeChunk(): Chunk<R> | undefined {
    const chunk = this.#first;
    this.#first = chunk?.next;
    if (this.#first === undefined) this.#last = undefined;
    return chunk;
  }

  // ---- the end -----------------------------------------------------------------------------------------------------------------

  #fail(error: unknown): void {
    this.#end([failed(error)]);
    this.#source.closeAfterError();
  }

  /** `last`: what is still given out. */
  #end(last: Outcome<R>[]): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#submitter = undefined;
    this.#outcomes = last;
    this.#liftLimit();
    this.#current?.future.cancel();
    for (let chunk; (chunk = this.#takeChunk()) !== undefined;) chunk.future.cancel();
    this.#waiting?.resolve();
  }
}

function failedFuture(error: unknown): Future<never> {
  const future = new Future<never>();
  future.setException(error);
  return future;
}

/** In the order of being given out from the end. What became of the chunk as a whole became of each of its calls. */
async function outcomesOf<R>({ future, calls }: Chunk<R>): Promise<Outcome<R>[]> {
  try {
    return [...(await future.result())].reverse();
  } catch (error) {
    return Array.from({ length: calls }, () => failed(error));
  }
}
