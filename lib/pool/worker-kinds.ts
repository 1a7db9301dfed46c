/** What differs between start methods: how a worker comes to life, and how it finds the functions of its tasks. */
import type { StartMethod } from '../backend/contract.js';
import { filesToSpawn } from '../process/launch/spawn-availability.js';
import { Process } from '../process/process.js';
import { referToCallable, type CallableReference } from '../serialization/bound-function.js';
import { taskRef } from '../serialization/task-ref.js';
import { inheritedFunctions, type PoolFunction } from './functions.js';
import type { PoolLine } from './pool-line.js';
import type { WorkerLines } from './worker-lines.js';
import type { PoolOptions } from './pool-options.js';
import { rehearseWorker } from './rehearsal.js';
import { becomeWorker, type serveSpawned, type SpawnedSetup } from './worker-main.js';

/** The way to it that spawned workers have: what is built is one file, which exports nothing by these names. */
function referToServeSpawned(): typeof serveSpawned {
  return taskRef<typeof serveSpawned>(filesToSpawn().poolWorker, 'serveSpawned');
}

/** A function's name in other processes, and its number on the line. */
export interface NamedFunction {
  readonly number: number;
  readonly reference: CallableReference;
}

export interface WorkerKind {
  /** A process, not started, that will serve the tasks on these lines. */
  makeProcess(theirs: WorkerLines): Process | Promise<Process>;
  /** Absent where workers inherit functions. @throws SerializationError for a function that has no name elsewhere. */
  refer?(fn: PoolFunction): Promise<NamedFunction>;
  /** What `refer` has answered before. */
  named(fn: PoolFunction): NamedFunction | undefined;
}

export function workerKind(method: StartMethod, options: PoolOptions): WorkerKind {
  return method === 'fork' ? new ForkedKind(options) : new SpawnedKind(options);
}

/** Python's names for them: ForkPoolWorker-1 and SpawnPoolWorker-1. */
class ForkPoolWorker extends Process {
  static override readonly startMethod: StartMethod = 'fork';
}

class SpawnPoolWorker extends Process<[PoolLine, PoolLine, SpawnedSetup]> {
  static override readonly startMethod: StartMethod = 'spawn';
}

/** Workers that die with the pool's process, like Python's; unlike Python's they may have children (see worker-main). */
const daemon = true;

class ForkedKind implements WorkerKind {
  readonly #options: PoolOptions;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  makeProcess(theirs: WorkerLines): Process {
    rehearseWorker();
    const { initializer, initArgs = [], maxMemoryPerChild: maxMemory } = this.#options;
    const target = (...args: readonly unknown[]): Promise<void> =>
      becomeWorker(theirs, {
        functions: inheritedFunctions(),
        initializer: initializer && (() => initializer(...(args as never[]))),
        maxMemory,
      });
    const name = workerName(this.#options);
    return new ForkPoolWorker({ target, args: initArgs, daemon, name });
  }

  named(): undefined {
    return undefined;
  }
}

class SpawnedKind implements WorkerKind {
  readonly #options: PoolOptions;
  readonly #byFunction = new WeakMap<PoolFunction, NamedFunction>();
  /** Functions of one source text are one function to a worker, however often a program makes it anew. */
  readonly #byReference = new Map<string, NamedFunction>();
  #lastNumber = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async makeProcess(theirs: WorkerLines): Promise<Process> {
    const { initializer, initArgs = [], maxMemoryPerChild: maxMemory } = this.#options;
    const reference = initializer && (await referToCallable(initializer, 'initializer'));
    const setup: SpawnedSetup = { initializer: reference, initArgs, maxMemory };
    const worker = new SpawnPoolWorker({
      target: referToServeSpawned(),
      args: [theirs.tasks, theirs.control, setup],
      daemon,
      name: workerName(this.#options),
    });
    return worker;
  }

  named(fn: PoolFunction): NamedFunction | undefined {
    return this.#byFunction.get(fn);
  }

  async refer(fn: PoolFunction): Promise<NamedFunction> {
    const reference = await referToCallable(fn.fn, 'fn');
    const named = reference.kind === 'bound' ? this.#number(reference) : this.#same(reference);
    this.#byFunction.set(fn, named);
    return named;
  }

  #same(reference: CallableReference): NamedFunction {
    const key = JSON.stringify(reference);
    let named = this.#byReference.get(key);
    if (named === undefined) {
      named = this.#number(reference);
      this.#byReference.set(key, named);
    }
    return named;
  }

  #number(reference: CallableReference): NamedFunction {
    return { number: ++this.#lastNumber, reference };
  }
}

const namesGiven = new Map<string, number>();

function workerName({ name }: PoolOptions): string | undefined {
  if (name === undefined) return undefined;
  const number = (namesGiven.get(name) ?? 0) + 1;
  namesGiven.set(name, number);
  return `${name}-${String(number)}`;
}
