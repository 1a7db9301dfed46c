import { checkBoolean, checkFunction, checkOptions } from '../base/options.js';
import { cpuCount } from '../process/cpu-count.js';
import { checkOwnProgram } from '../process/import-guard.js';
import { checkUsable, settleStartMethod } from '../process/start-method.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { ExecutorMap } from './executor-map.js';
import {
  checkExecutorOptions,
  splitMapArguments,
  type ExecutorMapOptions,
  type ExecutorOptions,
  type Iterables,
  type ShutdownOptions,
  SHUTDOWN_OPTIONS,
} from './executor-options.js';
import { ExecutorWork, type Call } from './executor-work.js';
import { numberFunction } from './functions.js';
import type { Future } from './future.js';
import { InterruptNotice } from './interrupt-notice.js';
import { CallShape } from './task.js';
import { workerKind } from './worker-kinds.js';
import { ProcessWorker } from './worker-process.js';
import { WorkerSet } from './worker-set.js';

/** An executor that nobody can reach any more takes no more work; what it was given is still finished. As for pools. */
const dropped = new FinalizationRegistry<ExecutorWork>((work) => {
  work.shutDown();
});

/**
 * Worker processes behind futures. Workers are started when work waits for them, up to `maxWorkers`. One that dies fails exactly
 * the call that it ran, with WorkerDiedError, and is replaced when there is more to do; when workers die faster than they work,
 * or the initializer fails, the executor is broken: everything that is not finished, and every later call, fails with
 * BrokenPoolError.
 *
 * Work that is not finished keeps this process alive; idle workers do not, and end with it. On `fork` any function can be
 * run, closures included; elsewhere functions travel by reference. Arguments are encoded when a worker gets them: leave them
 * alone until then.
 *
 * Python: `concurrent.futures.ProcessPoolExecutor`.
 */
export class ProcessPoolExecutor {
  readonly #set: WorkerSet;
  readonly #work: ExecutorWork;

  /**
   * Starts no process. Does not block.
   *
   * @param options The options, or `maxWorkers` alone.
   * @throws TypeError and RangeError for what is no integer of at least 1, no function, no array, no string, no start method;
   *   ForkUnavailableError and NotSupportedError for a start method that cannot be used here.
   */
  constructor(options?: number | ExecutorOptions) {
    const checked = checkExecutorOptions(options);
    const method = checked.startMethod ?? settleStartMethod();
    checkUsable(method);
    checkOwnProgram('the executor', method);
    const kind = workerKind(method, checked);
    const name = checked.name === undefined ? 'the executor' : `the executor ${checked.name}`;
    this.#set = new WorkerSet({
      name,
      size: checked.maxWorkers ?? cpuCount(),
      maxTasksPerChild: checked.maxTasksPerChild,
      onDemand: true,
      oneFirst: method === 'fork',
      interrupt: new InterruptNotice(),
      createWorker: () => new ProcessWorker(kind),
    });
    this.#work = new ExecutorWork(this.#set, name);
    refuseClone(this, 'ProcessPoolExecutor');
    dropped.register(this, this.#work, this);
  }

  /**
   * Runs `fn(...args)` in a worker. Does not block, however much there is to do. Python: `submit(fn, /, *args, **kwargs)`; in
   * place of keywords pass an object.
   *
   * @returns Its future. Arguments that cannot travel are an error of the future.
   * @throws TypeError when `fn` is no function; StateError after `shutdown()`, in another process, and in an exit listener;
   *   BrokenPoolError when the executor is broken.
   */
  submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Future<Awaited<R>> {
    checkFunction('fn', fn);
    return this.#work.submit({ fn: numberFunction(fn), shape: CallShape.Apply, payload: args });
  }

  /**
   * Runs `fn` over the first of each iterable, the second of each, and so on until one of them has no more. Does not block.
   * Python: `map(fn, *iterables, timeout=None, chunksize=1, buffersize=None)`.
   *
   * All is read and handed in at the call, or with `bufferSize` so many tasks at the call and one more with every task that is
   * given out. What an iterable throws takes the place of what it could not give.
   *
   * @param fn The function.
   * @param iterablesAndOptions The iterables, and behind them perhaps a plain object with `chunkSize`, `bufferSize`, `timeout`
   *   in milliseconds from this call, and `signal`.
   * @returns An iterator over the results in order. Its `next()` rejects with what the call threw, and the iteration may go on;
   *   with TimeoutError or the signal's reason, and then it is over. Leaving it, or its end by time or signal, cancels what no
   *   worker has yet.
   * @throws TypeError and RangeError for arguments; else as `submit()`.
   */
  map<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...iterables: Iterables<A>
  ): AsyncIterableIterator<Awaited<R>>;
  map<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...iterablesAndOptions: [...Iterables<A>, ExecutorMapOptions]
  ): AsyncIterableIterator<Awaited<R>>;
  map<R>(
    fn: (...args: never[]) => R,
    ...iterablesAndOptions: unknown[]
  ): AsyncIterableIterator<Awaited<R>> {
    checkFunction('fn', fn);
    const [iterables, options] = splitMapArguments(iterablesAndOptions);
    this.#work.checkUsable();
    let calls = 0;
    const submitter = <T>(call: Call): Future<T> => {
      const offset = calls;
      calls += call.payload.length;
      return this.#work.submit<T>({ ...call, offset });
    };
    return new ExecutorMap(submitter, numberFunction(fn), iterables, options);
  }

  /**
   * No more work, from this call on. What was accepted is finished, unless `cancelFutures` cancels what no worker has yet.
   * May be called again. Does not block the thread. Python: `shutdown(wait=True, *, cancel_futures=False)`.
   *
   * @returns When all workers have ended; at once with `wait: false`, and then the program still waits for the work.
   * @throws TypeError for options of a wrong type; StateError in another process.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkOptions('options', options, SHUTDOWN_OPTIONS);
    const { wait = true, cancelFutures = false } = options;
    checkBoolean('options.wait', wait);
    checkBoolean('options.cancelFutures', cancelFutures);
    this.#work.checkOwner();
    dropped.unregister(this);
    this.#work.shutDown();
    if (cancelFutures) this.#work.cancelPending();
    if (wait) await this.#work.join();
  }

  /**
   * Ends the workers by SIGTERM, after a second by SIGKILL, without waiting. What no worker had is cancelled, what ran fails with
   * BrokenPoolError, and the executor takes no more work. May be called again. Python: `terminate_workers()`.
   *
   * @throws StateError in another process.
   */
  terminateWorkers(): void {
    this.#work.checkOwner();
    dropped.unregister(this);
    this.#work.terminate('terminate');
  }

  /** The same by SIGKILL at once. Python: `kill_workers()`. */
  killWorkers(): void {
    this.#work.checkOwner();
    dropped.unregister(this);
    this.#work.terminate('kill');
  }

  /** Process ids of the present workers, oldest first. @internal */
  get workerPids(): number[] {
    return this.#set.pids();
  }

  /** The end of an `await using` block: `shutdown()`, which waits for all work, also when an error left the block, as in Python. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#work.isMine) await this.shutdown();
  }
}

registerHandleReducer<ProcessPoolExecutor, never>('ProcessPoolExecutor', ProcessPoolExecutor, {
  reduce: () => {
    throw new Error(
      'an executor belongs to the process that made it; make one of its own over there',
    );
  },
  rebuild: () => {
    throw new Error('an executor does not travel');
  },
});
