/** The options of the executor and of its map, and what is accepted. */
import { type Names, unknownName } from '../base/option-names.js';
import {
  checkFunction,
  checkInteger,
  checkOptions,
  checkString,
  invalidType,
  readWait,
  type Wait,
} from '../base/options.js';
import type { StartMethod } from '../backend/contract.js';
import { checkStartMethod } from '../process/start-method.js';
import { checkArray } from './pool-options.js';

export interface ExecutorOptions {
  /** Worker processes at most; by default as many as CPUs are usable. */
  maxWorkers?: number | undefined;
  /** How workers are started; by default as `Process` is. */
  startMethod?: StartMethod | undefined;
  /** Runs once in every worker before its first task. When it throws, the executor is broken. */
  initializer?: ((...args: never[]) => unknown) | undefined;
  /** The arguments of the initializer. */
  initArgs?: readonly unknown[] | undefined;
  /** A worker is replaced after this many tasks. */
  maxTasksPerChild?: number | undefined;
  /** Shown in errors, and in the names of the workers. */
  name?: string | undefined;
}

/** `timeout` in milliseconds counts from the call of `map`, for all of it. */
export interface ExecutorMapOptions extends Wait {
  /** Calls per task; 1 by default. */
  chunkSize?: number | undefined;
  /** Tasks handed in ahead of the consumer at most; by default all, at the call. */
  bufferSize?: number | undefined;
}

export interface ShutdownOptions {
  /** Whether the promise waits until all workers have ended; true by default. */
  wait?: boolean | undefined;
  /** Whether what no worker has yet is cancelled; false by default. */
  cancelFutures?: boolean | undefined;
}

/** An iterable for each parameter. */
export type Iterables<A extends readonly unknown[]> = { [K in keyof A]: Iterable<A[K]> };

const EXECUTOR_OPTIONS: Names<ExecutorOptions> = {
  maxWorkers: true,
  startMethod: true,
  initializer: true,
  initArgs: true,
  maxTasksPerChild: true,
  name: true,
};

export const SHUTDOWN_OPTIONS: Names<ShutdownOptions> = { wait: true, cancelFutures: true };

export function checkExecutorOptions(given: number | ExecutorOptions | undefined): ExecutorOptions {
  const options = typeof given === 'number' ? { maxWorkers: given } : given;
  checkOptions('options', options, EXECUTOR_OPTIONS);
  if (options === undefined) return {};
  const { maxWorkers, startMethod, initializer, initArgs, maxTasksPerChild, name } = options;
  if (maxWorkers !== undefined) checkInteger('maxWorkers', maxWorkers, 1);
  if (startMethod !== undefined) checkStartMethod('startMethod', startMethod);
  if (initializer !== undefined) checkFunction('initializer', initializer);
  if (initArgs !== undefined) checkArray('initArgs', initArgs);
  if (maxTasksPerChild !== undefined) checkInteger('maxTasksPerChild', maxTasksPerChild, 1);
  if (name !== undefined) checkString('name', name);
  return { maxWorkers, startMethod, initializer, initArgs, maxTasksPerChild, name };
}

const MAP_OPTIONS: Names<ExecutorMapOptions> = {
  timeout: true,
  signal: true,
  chunkSize: true,
  bufferSize: true,
};

/** Tells the iterables of a map from the options behind them, which are a plain object. */
export function splitMapArguments(
  given: readonly unknown[],
): [iterables: Iterable<unknown>[], options: ExecutorMapOptions] {
  const last = given.at(-1);
  const hasOptions = isPlainObject(last) && !isIterable(last);
  const iterables = hasOptions ? given.slice(0, -1) : given;
  for (const [at, iterable] of iterables.entries())
    if (!isIterable(iterable))
      throw invalidType(`iterables[${String(at)}]`, 'an iterable', iterable);
  const own: ExecutorMapOptions = hasOptions ? last : {};
  // What was meant as one more iterable would otherwise be taken for options in silence.
  const stranger = unknownName(own, MAP_OPTIONS)?.name;
  if (stranger !== undefined)
    throw invalidType(
      `iterables[${String(iterables.length)}]`,
      `an iterable, or options without '${stranger}'`,
      last,
    );
  const wait = readWait('options', own, MAP_OPTIONS);
  const { chunkSize, bufferSize } = own;
  if (chunkSize !== undefined) checkInteger('options.chunkSize', chunkSize, 1);
  if (bufferSize !== undefined) checkInteger('options.bufferSize', bufferSize, 1);
  return [iterables as Iterable<unknown>[], { ...wait, chunkSize, bufferSize }];
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (
    typeof (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] ===
    'function'
  );
}

/** Not an instance of anything, such as an asynchronous generator. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Symbol.asyncIterator in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
