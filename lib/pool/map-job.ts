/** A map on its way: its items collected, cut into tasks, and the answers put back in their places. */
import type { PoolFunction } from './functions.js';
import { checkStep, closeSource, isAsync, sourceOf, type Source } from './item-source.js';
import { controlOf, reporterFor, type Items, type MapOptions } from './pool-options.js';
import { ProgressMeter } from './progress.js';
import type { PendingResult } from './results.js';
import { failed, succeeded, Task, type CallShape, type Flow, type Outcome } from './task.js';
import type { WorkerSet } from './worker-set.js';
import type { Job } from './workload.js';

/** Python's rule: tasks enough that the workers finish together, few enough that handing over costs little. */
export function automaticChunkSize(items: number, workers: number): number {
  return Math.max(1, Math.ceil(items / (workers * 4)));
}

let batches = 0;

/** Not 0, and of 32 bits. */
function nextBatch(): number {
  batches = (batches % 0xffff_ffff) + 1;
  return batches;
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
  readonly #flow: Flow;
  #tasks: Task[] = [];
  #values: R[] = [];
  #firstError: Outcome<never> | undefined;
  #meter: ProgressMeter | undefined;
  #tasksLeft = 0;
  /** While it is read. */
  #source: Source<unknown> | undefined;

  constructor(set: WorkerSet, request: MapRequest, result: PendingResult<R[]>) {
    this.#set = set;
    this.#request = request;
    this.#result = result;
    const { progress, onProgress } = request.options;
    const isWatched = onProgress !== undefined || (progress ?? false) !== false;
    this.#flow = { turn: 0, batch: isWatched ? 0 : nextBatch() };
  }

  /** The job keeps a closed pool at work until all its tasks are made. */
  async run(items: Items<unknown>): Promise<void> {
    this.#set.addJob(this);
    try {
      const collected = isAsync(items) ? await this.#collect(items) : [...items];
      if (!this.#result.ready()) this.#submit(collected);
    } catch (error) {
      this.fail(error);
    } finally {
      this.#set.removeJob(this);
    }
  }

  /** Ends it now: nothing that has not begun will begin, and what runs is aborted. */
  fail(error: unknown): void {
    this.#settle(failed(error));
    for (const task of this.#tasks) this.#set.abort(task, error);
    // It may be in the middle of a step that never ends.
    if (this.#source !== undefined) closeSource(this.#source);
    this.#source = undefined;
    this.#set.removeJob(this);
  }

  async #collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
    const collected: unknown[] = [];
    const source = sourceOf(items);
    this.#source = source;
    try {
      while (!this.#result.ready()) {
        const step = checkStep(await source.next());
        if (step.done === true) break;
        collected.push(step.value);
      }
    } finally {
      this.#source = undefined;
    }
    return collected;
  }

  /** @throws QueueFullError */
  #submit(items: unknown[]): void {
    const { fn, shape, options } = this.#request;
    const chunkSize = this.#chunkSizeFor(items.length);
    const tasks: Task[] = [];
    for (let from = 0; from < items.length; from += chunkSize) {
      const payload = items.slice(from, from + chunkSize);
      const onSettled = (outcome: Outcome): void => {
        this.#taskSettled(from, payload.length, outcome as Outcome<R[]>);
      };
      const control = controlOf(options, reporterFor(options, from));
      tasks.push(new Task({ fn, shape, payload, onSettled, flow: this.#flow, control }));
    }
    this.#set.checkRoom(tasks.length);
    this.#tasks = tasks;
    this.#tasksLeft = tasks.length;
    this.#values = new Array<R>(items.length);
    this.#meter = new ProgressMeter(options, items.length);
    if (this.#tasksLeft === 0) this.#settle(succeeded([]));
    else this.#set.submit(tasks);
  }

  #chunkSizeFor(items: number): number {
    const { options, workers } = this.#request;
    if (options.chunkSize !== undefined) return options.chunkSize;
    // A limit is one for the run of one item, and its end is not the end of others.
    return options.taskTimeout === undefined ? automaticChunkSize(items, workers) : 1;
  }

  #taskSettled(from: number, count: number, outcome: Outcome<R[]>): void {
    this.#tasksLeft--;
    if (outcome.ok) for (let i = 0; i < count; i++) this.#values[from + i] = outcome.value[i] as R;
    else this.#firstError ??= outcome;
    if (this.#result.ready()) return;
    this.#meter?.add(count, outcome.ok ? 0 : count);
    // All tasks are waited for, as in Python: afterwards nothing of this map runs any more.
    if (this.#tasksLeft === 0) this.#settle(this.#firstError ?? succeeded(this.#values));
  }

  #settle(outcome: Outcome<R[]>): void {
    if (this.#result.ready()) return;
    this.#meter?.end();
    this.#result.settle(outcome);
  }
}
