/** The options of pools and of their calls, and what is accepted. */
import {
  checkFunction,
  checkInteger,
  checkOptions,
  checkString,
  checkWait,
  invalidType,
  type Wait,
} from '../base/options.js';
import type { StartMethod } from '../backend/contract.js';
import type { AnyFunction } from './functions.js';
import type { Callbacks } from './results.js';

export interface PoolOptions {
  /** Worker processes; by default as many as CPUs are usable. */
  processes?: number | undefined;
  /** Runs once in every worker before its first task. When it throws, the pool is broken. */
  initializer?: ((...args: never[]) => unknown) | undefined;
  initArgs?: readonly unknown[] | undefined;
  /** A worker is replaced after this many tasks. */
  maxTasksPerChild?: number | undefined;
  startMethod?: StartMethod | undefined;
  /** Shown in errors, and in the names of the workers. */
  name?: string | undefined;
}

/** `timeout` and `signal` bound the wait for the result: a task that has not begun is then dropped, a running one's result is. */
export type TaskOptions = Wait;

export interface MapOptions extends TaskOptions {
  /** Items per task. map: by default four tasks per worker; imap: 1. */
  chunkSize?: number | undefined;
  /** Called after each task with the number of items done, and of all items where that is known. */
  onProgress?: ((done: number, total: number | undefined) => void) | undefined;
}

export interface ImapOptions extends MapOptions {
  /** Items read ahead of the consumer at most; by default four tasks per worker. `timeout` here bounds the wait for each item. */
  buffer?: number | undefined;
}

/** What map and its relatives take: any iterable, also an asynchronous one. */
export type Items<T> = Iterable<T> | AsyncIterable<T>;

export function checkPoolOptions(given: number | PoolOptions | undefined): PoolOptions {
  const options = typeof given === 'number' ? { processes: given } : (given ?? {});
  checkOptions('options', options);
  if (options.processes !== undefined) checkInteger('processes', options.processes, 1);
  if (options.initializer !== undefined) checkFunction('initializer', options.initializer);
  if (options.initArgs !== undefined) checkArray('initArgs', options.initArgs);
  if (options.maxTasksPerChild !== undefined)
    checkInteger('maxTasksPerChild', options.maxTasksPerChild, 1);
  if (options.name !== undefined) checkString('name', options.name);
  return options;
}

export function checkTask(
  fn: unknown,
  options: TaskOptions & Callbacks<never>,
): asserts fn is AnyFunction {
  checkFunction('fn', fn);
  checkWait('options', options);
  if (options.callback !== undefined) checkFunction('options.callback', options.callback);
  if (options.errorCallback !== undefined)
    checkFunction('options.errorCallback', options.errorCallback);
}

export function checkMap(
  fn: unknown,
  items: unknown,
  options: ImapOptions & Callbacks<never>,
): asserts fn is AnyFunction {
  checkTask(fn, options);
  if (!isIterable(items)) throw invalidType('items', 'an iterable or an async iterable', items);
  if (options.chunkSize !== undefined) checkInteger('options.chunkSize', options.chunkSize, 1);
  if (options.buffer !== undefined) checkInteger('options.buffer', options.buffer, 1);
  if (options.onProgress !== undefined) checkFunction('options.onProgress', options.onProgress);
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
