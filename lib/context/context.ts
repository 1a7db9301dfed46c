import type { StartMethod } from '../backend/contract.js';
import { checkObject } from '../base/options.js';
import { Pipe } from '../connection/pipe.js';
import { NotSupportedError } from '../errors.js';
import { currentTask } from '../pool/current-task.js';
import { ProcessPoolExecutor } from '../pool/executor.js';
import { Pool } from '../pool/pool.js';
import { cpuCount } from '../process/cpu-count.js';
import { activeChildren, currentProcess, parentProcess } from '../process/current.js';
import { processClassFor } from '../process/process-classes.js';
import type { Process } from '../process/process.js';
import { checkStartMethod, settleStartMethod } from '../process/start-method.js';
import { JoinableQueue, Queue, SimpleQueue } from '../queues/index.js';
import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  Lock,
  NamedSemaphore,
  RLock,
  Semaphore,
} from '../sync/index.js';
import { getAllStartMethods, getStartMethod, setStartMethod } from './start-methods.js';

/** The package's surface bound to one start method: what a library uses, so that it does not choose for the whole program. */
export interface Context {
  readonly Process: typeof Process;
  readonly Pool: typeof Pool;
  readonly ProcessPoolExecutor: typeof ProcessPoolExecutor;
  readonly Pipe: typeof Pipe;
  readonly Queue: typeof Queue;
  readonly JoinableQueue: typeof JoinableQueue;
  readonly SimpleQueue: typeof SimpleQueue;
  readonly Lock: typeof Lock;
  readonly RLock: typeof RLock;
  readonly Semaphore: typeof Semaphore;
  readonly BoundedSemaphore: typeof BoundedSemaphore;
  readonly Condition: typeof Condition;
  readonly Event: typeof Event;
  readonly Barrier: typeof Barrier;
  readonly NamedSemaphore: typeof NamedSemaphore;
  readonly cpuCount: typeof cpuCount;
  readonly currentTask: typeof currentTask;
  readonly currentProcess: typeof currentProcess;
  readonly parentProcess: typeof parentProcess;
  readonly activeChildren: typeof activeChildren;
  getContext(method?: StartMethod): Context;
  getStartMethod(options?: { allowNone?: boolean }): StartMethod | null;
  setStartMethod(method: StartMethod | null, options?: { force?: boolean }): void;
  getAllStartMethods(): StartMethod[];
}

const contexts = new Map<StartMethod | undefined, Context>();

/** The context of a method; without one the default context, which settles the default method. The same object each time. */
export function getContext(method?: StartMethod): Context {
  if (method === undefined) settleStartMethod();
  else checkStartMethod('method', method);
  let context = contexts.get(method);
  if (context === undefined) {
    context = makeContext(method);
    contexts.set(method, context);
  }
  return context;
}

function makeContext(method: StartMethod | undefined): Context {
  return Object.freeze<Context>({
    Process: processClassFor(method),
    Pool: method === undefined ? Pool : bindPool(method),
    ProcessPoolExecutor: method === undefined ? ProcessPoolExecutor : bindExecutor(method),
    Pipe,
    Queue,
    JoinableQueue,
    SimpleQueue,
    Lock,
    RLock,
    Semaphore,
    BoundedSemaphore,
    Condition,
    Event,
    Barrier,
    NamedSemaphore,
    cpuCount,
    currentTask,
    currentProcess,
    parentProcess,
    activeChildren,
    getContext: (other) => getContext(other ?? method),
    getStartMethod: method === undefined ? getStartMethod : () => method,
    setStartMethod: method === undefined ? setStartMethod : () => refuseChange(method),
    getAllStartMethods,
  });
}

function bindPool(startMethod: StartMethod): typeof Pool {
  return class extends Pool {
    constructor(options: ConstructorParameters<typeof Pool>[0]) {
      if (typeof options !== 'number') checkObject('options', options);
      super({ startMethod, ...(typeof options === 'number' ? { processes: options } : options) });
    }
  };
}

function bindExecutor(startMethod: StartMethod): typeof ProcessPoolExecutor {
  return class extends ProcessPoolExecutor {
    constructor(given: ConstructorParameters<typeof ProcessPoolExecutor>[0]) {
      const options = typeof given === 'number' ? { maxWorkers: given } : given;
      checkObject('options', options);
      super({ startMethod, ...options });
    }
  };
}

function refuseChange(method: StartMethod): never {
  throw new NotSupportedError(
    `this context is bound to '${method}': change the method on the package itself`,
  );
}
