// Workers that run their tasks right here: for what stands above the dispatcher.
import { decodeError } from '../../../lib/serialization/error-codec.js';
import type { PoolFunction } from '../../../lib/pool/functions.js';
import { CallShape, failed, succeeded, type Outcome, type Task } from '../../../lib/pool/task.js';
import type { WorkerEvents, WorkerHandle } from '../../../lib/pool/worker-handle.js';
import { perform, type EncodedOutcome } from '../../../lib/pool/perform.js';
import { WorkerSet } from '../../../lib/pool/worker-set.js';

let functions = 0;

export function poolFunctionOf(fn: (...args: never[]) => unknown): PoolFunction {
  return { id: ++functions, name: fn.name, fn, meanRunMs: undefined, answersLater: undefined };
}

class InlineWorker implements WorkerHandle {
  readonly name = 'Inline';
  readonly pid = 1;
  #events: WorkerEvents | undefined;
  #line = Promise.resolve();

  start(events: WorkerEvents): Promise<void> {
    this.#events = events;
    setImmediate(() => events.ready(Infinity));
    return Promise.resolve();
  }

  send(task: Task): Promise<void> {
    this.#line = this.#line.then(() => this.#run(task));
    return Promise.resolve();
  }

  async #run(task: Task): Promise<void> {
    this.#events?.started(task.id);
    try {
      const value = await perform(task.fn.fn, task.shape, task.payload);
      this.#events?.finished(task.id, decoded(task, value));
    } catch (error) {
      this.#events?.finished(task.id, failed(error));
    }
  }

  readonly givesBack = false;
  takeBack(): undefined {
    return undefined;
  }
  abort(): void {}
  catchUp(): Promise<void> {
    return Promise.resolve();
  }
  listen(): void {}
  holdUntilExit(): void {}

  stop(): void {
    setImmediate(() => this.#events?.exited({ exitCode: 0, signalCode: null }));
  }

  terminate(): void {
    this.stop();
  }

  kill(): void {}
}

function decoded(task: Task, value: unknown): Outcome {
  if (task.shape !== CallShape.Each) return succeeded(value);
  const outcomes = value as EncodedOutcome[];
  return succeeded(
    outcomes.map(([ok, item]) => (ok ? succeeded(item) : failed(decodeError(item)))),
  );
}

export function inlineSet(size = 2): WorkerSet {
  return new WorkerSet({ name: 'the pool', size, createWorker: () => new InlineWorker() });
}
