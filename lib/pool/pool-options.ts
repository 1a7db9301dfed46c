/** The options of pools and of their calls, and what is accepted. */
import type { Names } from '../base/option-names.js';
import {
  checkFunction,
  checkInteger,
  checkOptions,
  checkSignal,
  checkString,
  checkTimeout,
  invalidType,
  type Wait,
} from '../base/options.js';
import type { StartMethod } from '../backend/contract.js';
import type { AnyFunction } from './functions.js';
import type { Progress } from './progress.js';
import { checkProgress } from './progress-bar.js';
import { callBack, type Callbacks } from './results.js';
import type { TaskControl } from './task.js';

export interface PoolOptions {
  /** Worker processes; by default as many as CPUs are usable. */
  processes?: number | undefined;
  /** Runs once in every worker before its first task. When it throws, or the worker ends in it, the pool is broken. */
  initializer?: ((...args: never[]) => unknown) | undefined;
  initArgs?: readonly unknown[] | undefined;
  /** A worker is replaced after this many tasks. */
  maxTasksPerChild?: number | undefined;
  /**
   * Bytes of resident memory. A worker that has more at the end of a task is replaced. By fork it has its parent's memory
   * from the beginning, as far as it is in use.
   */
  maxMemoryPerChild?: number | undefined;
  /**
   * Tasks that may wait for a worker. With so many a call throws QueueFullError; a map whose tasks do not fit rejects with it.
   * Without, any number may. `imap` bounds itself, by its `buffer`.
   */
  maxQueue?: number | undefined;
  /**
   * Milliseconds that a running task has to end itself when it was aborted, before its worker is killed and replaced: 1000
   * where nothing is said; 0 kills at once, Infinity never.
   */
  killGrace?: number | undefined;
  startMethod?: StartMethod | undefined;
  /** Shown in errors, and in the names of the workers, in ps too. */
  name?: string | undefined;
}

/**
 * `timeout` and `signal` bound the time until the result is here: then the call rejects, with TimeoutError or with the signal's
 * reason. A task that has not begun is dropped; a running one is aborted (see `currentTask`, and `killGrace`).
 */
export interface TaskOptions extends Wait {
  /** Milliseconds that a task may run, from the call of its function in the worker: then it is aborted, with TimeoutError. */
  taskTimeout?: number | undefined;
  /** An integer. Of the tasks that wait those of the highest priority go first; 0 where nothing is said. */
  priority?: number | undefined;
  /**
   * For tasks that may be run twice: how often one is run again whose worker has died. Only then; an error of its own and a
   * timeout are final. 0 where nothing is said.
   */
  retry?: number | undefined;
  /** Hears what tasks give to `currentTask().report`; of a map, with the index of the item. What it throws becomes a warning. */
  onReport?: ((value: unknown, index: number) => void) | undefined;
}

export interface MapOptions extends TaskOptions {
  /** Items per task. map: by default four tasks per worker, with `taskTimeout` 1; imap: 1. */
  chunkSize?: number | undefined;
  /** Called after each task. What it throws becomes a process warning. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /**
   * A bar on stderr where that is a terminal; a text is shown before it. Needs the package cli-progress.
   * @throws NotSupportedError where that is not installed
   */
  progress?: boolean | string | undefined;
}

export interface ImapOptions extends MapOptions {
  /** Items read ahead of the consumer at most; by default four tasks per worker. `timeout` here bounds the wait for each item. */
  buffer?: number | undefined;
}

/** What map and its relatives take: any iterable, also an asynchronous one. */
export type Items<T> = Iterable<T> | AsyncIterable<T>;

const POOL_OPTIONS: Names<PoolOptions> = {
  processes: true,
  initializer: true,
  initArgs: true,
  maxTasksPerChild: true,
  maxMemoryPerChild: true,
  maxQueue: true,
  killGrace: true,
  startMethod: true,
  name: true,
};

/** A checked copy, read once. */
export function checkPoolOptions(given: number | PoolOptions | undefined): PoolOptions {
  const options = typeof given === 'number' ? { processes: given } : (given ?? {});
  checkOptions('options', options, POOL_OPTIONS);
  const { processes, startMethod, initializer, initArgs, name } = options;
  const { maxTasksPerChild, maxMemoryPerChild, maxQueue, killGrace } = options;
  if (processes !== undefined) checkInteger('processes', processes, 1);
  if (initializer !== undefined) checkFunction('initializer', initializer);
  if (initArgs !== undefined) checkArray('initArgs', initArgs);
  if (maxTasksPerChild !== undefined) checkInteger('maxTasksPerChild', maxTasksPerChild, 1);
  if (maxMemoryPerChild !== undefined) checkInteger('maxMemoryPerChild', maxMemoryPerChild, 1);
  if (maxQueue !== undefined) checkInteger('maxQueue', maxQueue, 0);
  checkTimeout('killGrace', killGrace);
  if (name !== undefined) checkString('name', name);
  const worker = { startMethod, initializer, initArgs, maxTasksPerChild, maxMemoryPerChild, name };
  return { ...worker, processes, maxQueue, killGrace };
}

type CallOptions = ImapOptions & Callbacks<never>;

/** One list for all calls: what goes with one of them is given to others too, and counts for nothing there. */
const CALL_OPTIONS: Names<CallOptions> = {
  timeout: true,
  signal: true,
  taskTimeout: true,
  priority: true,
  retry: true,
  onReport: true,
  chunkSize: true,
  buffer: true,
  onProgress: true,
  progress: true,
  callback: true,
  errorCallback: true,
};

export const NO_OPTIONS: Readonly<Record<never, never>> = Object.freeze({});

/** A copy. What the caller's object runs when it is read, it runs here, once: later something might be half done. */
export function readOptions<O extends object>(options: O): O {
  if (options === NO_OPTIONS) return options;
  checkOptions('options', options, CALL_OPTIONS);
  const given = options as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(CALL_OPTIONS)) copy[name] = given[name];
  return copy as O;
}

export function checkTask(
  fn: unknown,
  options: TaskOptions & Callbacks<never>,
): asserts fn is AnyFunction {
  checkFunction('fn', fn);
  checkTimeout('options.timeout', options.timeout);
  checkSignal('options.signal', options.signal);
  checkTimeout('options.taskTimeout', options.taskTimeout);
  if (options.priority !== undefined)
    checkInteger('options.priority', options.priority, Number.MIN_SAFE_INTEGER);
  if (options.retry !== undefined) checkInteger('options.retry', options.retry, 0);
  if (options.onReport !== undefined) checkFunction('options.onReport', options.onReport);
  if (options.callback !== undefined) checkFunction('options.callback', options.callback);
  if (options.errorCallback !== undefined)
    checkFunction('options.errorCallback', options.errorCallback);
}

export function checkMap(
  fn: unknown,
  items: unknown,
  options: CallOptions,
): asserts fn is AnyFunction {
  checkTask(fn, options);
  if (!isIterable(items)) throw invalidType('items', 'an iterable or an async iterable', items);
  if (options.chunkSize !== undefined) checkInteger('options.chunkSize', options.chunkSize, 1);
  if (options.buffer !== undefined) checkInteger('options.buffer', options.buffer, 1);
  if (options.onProgress !== undefined) checkFunction('options.onProgress', options.onProgress);
  checkProgress('options.progress', options.progress);
}

/** What the options say of each of their tasks. */
export function controlOf(options: TaskOptions, onReport?: ReportHandler): TaskControl {
  const { priority, taskTimeout, retry, timeout, signal } = options;
  const abortable = taskTimeout !== undefined || timeout !== undefined || signal !== undefined;
  return { priority, taskTimeout, retry, abortable, onReport };
}

type ReportHandler = TaskControl['onReport'];

/** Hears the reports of a task whose first item is the one with this index. */
export function reporterFor({ onReport }: TaskOptions, first: number): ReportHandler {
  if (onReport === undefined) return undefined;
  return (value, index) => {
    callBack((reported: unknown) => {
      onReport(reported, first + index);
    }, value);
  };
}

export function checkArray(name: string, value: unknown): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) throw invalidType(name, 'an array', value);
}

function isIterable(items: unknown): items is Items<unknown> {
  if (items === null || items === undefined) return false;
  const protocols = items as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  return (
    typeof protocols[Symbol.asyncIterator] === 'function' ||
    typeof protocols[Symbol.iterator] === 'function'
  );
}
