/** A map on its way: its items collected, cut into tasks, and the answers put back in their places. */
import type { PoolFunction } from './functions.js';
import type { Items, MapOptions } from './pool-options.js';
import { callBack, type PendingResult } from './results.js';
import { failed, succeeded, Task, type CallShape, type Outcome } from './task.js';
import type { Job, WorkerSet } from './worker-set.js';

/** Python's rule: tasks enough that the workers finish together, few enough that handing over costs little. */
export function automaticChunkSize(items: number, workers: number): number {
  return Math.max(1, Math.ceil(items / (workers * 4)));
}

export interface MapRequest {
  readonly fn: PoolFunction;
  readonly shape: CallShape;
  readonly options: MapOptions;
  readonly workers: number;
}

export class MapJob<R> implements Job {
  readonly #set: WorkerSet;
  readonly #request: MapRequest;
  readonly #result: PendingResult<R[]>;
  #tasks: Task[] = [];
  #values: R[] = [];
  #firstError: Outcome<never> | undefined;
  #itemsDone = 0;
  #tasksLeft = 0;

  constructor(set: WorkerSet, request: MapRequest, result: PendingResult<R[]>) {
    this.#set = set;
    this.#request = request;
    this.#result = result;
  }

  /** The job keeps a closed pool at work until all its tasks are made. */
  async run(items: Items<unknown>): Promise<void> {
    this.#set.addJob(this);
    try {
      const collected = Symbol.asyncIterator in items ? await this.#collect(items) : [...items];
      if (!this.#result.ready()) this.#submit(collected);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#set.removeJob(this);
    }
  }

  /** Ends it now: nothing that has not begun will begin. */
  fail(error: unknown): void {
    this.#result.settle(failed(error));
    for (const task of this.#tasks) this.#set.cancel(task, error);
  }

  async #collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
    const collected: unknown[] = [];
    for await (const item of items) {
      // Leaving the loop lets the source clean up.
      if (this.#result.ready()) break;
      collected.push(item);
    }
    return collected;
  }

  #submit(items: unknown[]): void {
    const { fn, shape, options, workers } = this.#request;
    const chunkSize = options.chunkSize ?? automaticChunkSize(items.length, workers);
    this.#values = new Array<R>(items.length);
    for (let from = 0; from < items.length; from += chunkSize) {
      const payload = items.slice(from, from + chunkSize);
      const onSettled = (outcome: Outcome): void => {
        this.#taskSettled(from, payload.length, outcome as Outcome<R[]>, items.length);
      };
      this.#tasks.push(new Task({ fn, shape, payload, onSettled }));
    }
    this.#tasksLeft = this.#tasks.length;
    if (this.#tasksLeft === 0) this.#result.settle(succeeded([]));
    else this.#set.submit(this.#tasks);
  }

  #taskSettled(from: number, count: number, outcome: Outcome<R[]>, total: number): void {
    this.#tasksLeft--;
    if (outcome.ok) for (let i = 0; i < count; i++) this.#values[from + i] = outcome.value[i] as R;
    else this.#firstError ??= outcome;
    if (this.#result.ready()) return;
    this.#itemsDone += count;
    const { onProgress } = this.#request.options;
    if (onProgress)
      callBack((done: number) => {
        onProgress(done, total);
      }, this.#itemsDone);
    // All tasks are waited for, as in Python: afterwards nothing of this map runs any more.
    if (this.#tasksLeft === 0) this.#result.settle(this.#firstError ?? succeeded(this.#values));
  }
}
