import { isAborted, reasonOf } from '../base/abort-signal.js';
import type { Wait } from '../base/options.js';
import { readWait } from '../base/options.js';
import { cpuCount } from '../process/cpu-count.js';
import { checkNotImportingMain, checkOwnProgram } from '../process/import-guard.js';
import { checkStartMethod, checkUsable, settleStartMethod } from '../process/start-method.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { droppedPools } from './dropped.js';
import { numberFunction, type AnyFunction } from './functions.js';
import { InterruptNotice } from './interrupt-notice.js';
import { limit } from './limits.js';
import { MapJob } from './map-job.js';
import { checkOwner } from './owner.js';
import { PoolIterator } from './pool-iterator.js';
import type { ImapOptions, Items, MapOptions, PoolOptions, TaskOptions } from './pool-options.js';
import {
  NO_OPTIONS,
  checkArray,
  checkMap,
  checkPoolOptions,
  checkTask,
  controlOf,
  readOptions,
  reporterFor,
} from './pool-options.js';
import type { AsyncResult, Callbacks } from './results.js';
import { PendingResult } from './results.js';
import type { PoolStats } from './stats.js';
import { CallShape, failed, Task, type Outcome } from './task.js';
import { workerKind } from './worker-kinds.js';
import { ProcessWorker } from './worker-process.js';
import { WorkerSet } from './worker-set.js';

/**
 * A number of worker processes that run functions for this one. A worker that dies fails exactly the task that it ran, with
 * WorkerDiedError, and is replaced. Tasks that wait keep this process alive; idle workers do not, and end with it.
 *
 * On `fork` any function can be run, closures included: workers see the memory as it was when they were forked, and a
 * function that they were not born with makes the pool fork fresh ones. Workers are therefore first forked with the first
 * task: one, and the others when it has not done all there is in the time of one more fork, or `ready()` is awaited. Elsewhere
 * functions travel by reference, and workers are started at once.
 *
 * Arguments are encoded when a task is handed to a worker: leave them alone until then.
 */
export class Pool {
  readonly #owner = process.pid;
  readonly #size: number;
  readonly #set: WorkerSet;

  constructor(processesOrOptions?: number | PoolOptions) {
    const options = checkPoolOptions(processesOrOptions);
    if (options.startMethod !== undefined) checkStartMethod('startMethod', options.startMethod);
    this.#size = options.processes ?? cpuCount();
    const method = options.startMethod ?? settleStartMethod();
    checkUsable(method);
    checkOwnProgram('the pool', method);
    // Its workers would fail to start a moment later, and the main module that is imported here go on until it hears of that.
    if (method !== 'fork') checkNotImportingMain('the pool');
    const kind = workerKind(method, options);
    const name = options.name === undefined ? 'the pool' : `the pool ${options.name}`;
    this.#set = new WorkerSet({
      name,
      size: this.#size,
      maxTasksPerChild: options.maxTasksPerChild,
      maxQueue: options.maxQueue,
      killGrace: options.killGrace,
      oneFirst: method === 'fork',
      interrupt: new InterruptNotice(),
      createWorker: () => new ProcessWorker(kind),
    });
    refuseClone(this, 'Pool');
    droppedPools.register(this, { set: this.#set, name, owner: this.#owner }, this);
    if (method !== 'fork') this.#set.fill();
  }

  /** Runs `fn(...args)` in a worker. */
  apply<A extends unknown[], R>(
    fn: (...args: A) => R,
    args: readonly [...A],
    options?: TaskOptions,
  ): Promise<Awaited<R>>;
  apply<R>(fn: () => R, args?: readonly [], options?: TaskOptions): Promise<Awaited<R>>;
  apply<R>(
    fn: (...args: unknown[]) => R,
    args?: readonly unknown[],
    options?: TaskOptions,
  ): Promise<Awaited<R>> {
    return this.applyAsync(fn, args ?? [], options).get();
  }

  /** The same, with a result to ask and wait for. A failure that nobody asks for is no unhandled rejection. */
  applyAsync<A extends unknown[], R>(
    fn: (...args: A) => R,
    args: readonly [...A],
    options?: TaskOptions & Callbacks<Awaited<R>>,
  ): AsyncResult<Awaited<R>>;
  applyAsync<R>(
    fn: () => R,
    args?: readonly [],
    options?: TaskOptions & Callbacks<Awaited<R>>,
  ): AsyncResult<Awaited<R>>;
  applyAsync<R>(
    fn: (...args: unknown[]) => R,
    args: readonly unknown[] = [],
    options: TaskOptions & Callbacks<Awaited<R>> = NO_OPTIONS,
  ): AsyncResult<Awaited<R>> {
    const own = readOptions(options);
    checkTask(fn, own);
    checkArray('args', args);
    this.#checkUsable();
    this.#set.checkRoom(1);
    const result = new PendingResult<Awaited<R>>(own);
    const onSettled = (outcome: Outcome): void => {
      lift();
      result.settle(outcome as Outcome<Awaited<R>>);
    };
    const task = new Task({
      fn: numberFunction(fn),
      shape: CallShape.Apply,
      payload: args,
      onSettled,
      control: controlOf(own, reporterFor(own, 0)),
    });
    const lift = limit(own, `the task ${task.fn.name}`, (error) => {
      this.#set.abort(task, error);
    });
    const { signal } = own;
    if (signal !== undefined && isAborted(signal)) task.settle(failed(reasonOf(signal)));
    else this.#set.submit([task]);
    return result;
  }

  /** `fn(item)` for every item, in chunks; the results in the items' order. Fails with the first error, after all is done. */
  map<T, R>(
    fn: (item: T) => R,
    items: Items<T>,
    options: MapOptions = NO_OPTIONS,
  ): Promise<Awaited<R>[]> {
    return this.mapAsync(fn, items, options).get();
  }

  mapAsync<T, R>(
    fn: (item: T) => R,
    items: Items<T>,
    options: MapOptions & Callbacks<Awaited<R>[]> = NO_OPTIONS,
  ): AsyncResult<Awaited<R>[]> {
    return this.#map(fn, items, options, CallShape.Map);
  }

  /** `fn(...item)` for every item. */
  starmap<A extends unknown[], R>(
    fn: (...args: A) => R,
    items: Items<readonly [...A]>,
    options: MapOptions = NO_OPTIONS,
  ): Promise<Awaited<R>[]> {
    return this.starmapAsync(fn, items, options).get();
  }

  starmapAsync<A extends unknown[], R>(
    fn: (...args: A) => R,
    items: Items<readonly [...A]>,
    options: MapOptions & Callbacks<Awaited<R>[]> = NO_OPTIONS,
  ): AsyncResult<Awaited<R>[]> {
    return this.#map(fn, items, options, CallShape.StarMap);
  }

  /**
   * Like map, item by item: results come in order as they are there, and items are read only so far ahead of the consumer, but to their
   * end, whoever takes the results, once somebody is in `join()`.
   */
  imap<T, R>(
    fn: (item: T) => R,
    items: Items<T>,
    options: ImapOptions = NO_OPTIONS,
  ): AsyncIterableIterator<Awaited<R>> {
    return this.#imap(fn, items, options, true);
  }

  /** The same in the order in which they are done. */
  imapUnordered<T, R>(
    fn: (item: T) => R,
    items: Items<T>,
    options: ImapOptions = NO_OPTIONS,
  ): AsyncIterableIterator<Awaited<R>> {
    return this.#imap(fn, items, options, false);
  }

  /**
   * Resolves when all workers have come up once and fewer tasks than `maxQueue` wait: then the next call is taken. Starts the
   * workers, which on `fork` know only functions that the pool was given before. @throws TimeoutError, BrokenPoolError when the
   * initializer has failed, StateError when the pool is closed
   */
  async ready(wait: Wait = {}): Promise<void> {
    const limits = readWait('wait', wait);
    this.#checkOwner();
    await this.#set.ready(limits);
  }

  /** No more tasks. The workers end when all is done that was accepted. */
  close(): void {
    this.#checkOwner();
    droppedPools.unregister(this);
    this.#set.close();
  }

  /** Ends the workers now. What has not finished fails with CancelledError. */
  terminate(): void {
    this.#checkOwner();
    droppedPools.unregister(this);
    this.#set.terminate();
  }

  /** Waits until all workers have ended, after close() or terminate(). Returns when the timeout has passed first. */
  async join(wait: Wait = {}): Promise<void> {
    const limits = readWait('wait', wait);
    this.#checkOwner();
    await this.#set.join(limits);
  }

  get stats(): PoolStats {
    return this.#set.stats();
  }

  /** Process ids of the present workers, oldest first. @internal */
  get workerPids(): number[] {
    return this.#set.pids();
  }

  /**
   * The end of an `await using` block. A block that awaited its work leaves nothing pending: the workers end by themselves, with
   * their exit handlers. When work is still pending the block was left early, by an error: then, as in Python's `with`, the
   * pool is terminated instead of holding up the error, and what is pending fails with CancelledError.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#owner !== process.pid) return;
    droppedPools.unregister(this);
    if (this.#set.hasWork) this.#set.terminate();
    else this.#set.close();
    await this.#set.join({});
  }

  #map<R>(
    fn: AnyFunction,
    items: Items<unknown>,
    given: MapOptions & Callbacks<R[]>,
    shape: CallShape,
  ): AsyncResult<R[]> {
    const options = readOptions(given);
    checkMap(fn, items, options);
    this.#checkUsable();
    const result = new PendingResult<R[]>(options);
    const request = { fn: numberFunction(fn), shape, options, workers: this.#size };
    const job = new MapJob<R>(this.#set, request, result);
    const { signal } = options;
    if (signal !== undefined && isAborted(signal)) {
      job.fail(reasonOf(signal));
      return result;
    }
    const lift = limit(options, `the map of ${request.fn.name}`, (error) => {
      job.fail(error);
    });
    void result.wait().then(lift);
    void job.run(items);
    return result;
  }

  #imap<T, R>(
    fn: (item: T) => R,
    items: Items<T>,
    given: ImapOptions,
    ordered: boolean,
  ): AsyncIterableIterator<Awaited<R>> {
    const options = readOptions(given);
    checkMap(fn, items, options);
    this.#checkUsable();
    const request = { fn: numberFunction(fn), ordered, options, workers: this.#size };
    return new PoolIterator<T, Awaited<R>>(this.#set, request, items);
  }

  #checkUsable(): void {
    this.#checkOwner();
    this.#set.checkOpen();
  }

  #checkOwner(): void {
    checkOwner(this.#owner, 'this pool');
  }
}

registerHandleReducer<Pool, never>('Pool', Pool, {
  reduce: () => {
    throw new Error('a pool belongs to the process that made it; make one of its own over there');
  },
  rebuild: () => {
    throw new Error('a pool does not travel');
  },
});
