/** What an executor has taken on: every task of it stands behind a future, and every future is settled exactly once. */
import { BrokenPoolError, CancelledError, StateError } from '../errors.js';
import type { PoolFunction } from './functions.js';
import { Future } from './future.js';
import { checkOwner } from './owner.js';
import { failed, Task, type CallShape, type Outcome } from './task.js';
import type { WorkerSet } from './worker-set.js';

/** One call, or one chunk of a map. */
export interface Call {
  readonly fn: PoolFunction;
  readonly shape: CallShape;
  readonly payload: readonly unknown[];
  /** Of a chunk: how many calls of the map stand before it. */
  readonly offset?: number;
}

export class ExecutorWork {
  readonly #set: WorkerSet;
  readonly #name: string;
  readonly #owner = process.pid;
  /** In the order in which they were made. */
  readonly #unfinished = new Set<Future>();
  #ended: 'shut down' | 'terminated' | undefined;

  constructor(set: WorkerSet, name: string) {
    this.#set = set;
    this.#name = name;
  }

  get isMine(): boolean {
    return this.#owner === process.pid;
  }

  /** @throws StateError in a process that was forked from the executor's. */
  readonly checkOwner = (): void => {
    checkOwner(this.#owner, this.#name);
  };

  /** @throws StateError in another process, after the end of the executor and at the end of this process; BrokenPoolError. */
  checkUsable(): void {
    this.checkOwner();
    const { endOfAll } = this.#set;
    if (endOfAll instanceof BrokenPoolError) throw again(endOfAll);
    if (this.#ended !== undefined)
      throw new StateError(`${this.#name} was ${this.#ended}: it takes no more work`);
    // Node's own mark, without a public name: nothing that begins in an exit listener ever ends.
    if ((process as { _exiting?: boolean })._exiting === true)
      throw new StateError(`${this.#name} takes no more work: this process is about to end`);
  }

  submit<T>(call: Call): Future<T> {
    this.checkUsable();
    const drop = (): void => {
      this.#set.cancel(task, new CancelledError('the future was cancelled'));
    };
    const withdraw = (): boolean => this.#set.recall(task);
    const future = Future.of<T>({ check: this.checkOwner, withdraw, drop });
    const onReached = (): void => {
      future.begin();
    };
    const onSettled = (outcome: Outcome): void => {
      this.#unfinished.delete(future);
      future.settle(this.#ownOutcome(call.fn, outcome) as Outcome<T>);
    };
    const onReturned = (): void => {
      future.unbegin();
    };
    const task = new Task({ ...call, onReached, onReturned, onSettled });
    this.#unfinished.add(future);
    this.#set.submit([task]);
    return future;
  }

  /** No more work. The workers end when all is done that was accepted. */
  shutDown(): void {
    this.#ended ??= 'shut down';
    this.#set.close();
  }

  /** Cancels what no worker has yet. */
  cancelPending(): void {
    // One that was the first in its worker's line waits again when another one is taken back, also where the worker is quicker to take that.
    for (let isPending = true; isPending;) {
      isPending = false;
      for (const future of [...this.#unfinished]) {
        if (future.running() || future.done()) continue;
        isPending = true;
        future.cancel();
      }
    }
  }

  /** Ends the workers now; nothing is left unsettled. */
  terminate(how: 'terminate' | 'kill'): void {
    this.#ended ??= 'terminated';
    this.cancelPending();
    this.#set.terminate(how);
  }

  /** Waits until all workers have ended. */
  async join(): Promise<void> {
    await this.#set.join({});
  }

  /** What befell all tasks at once befalls each of them with an error of its own, so that nobody writes into another's. */
  #ownOutcome(fn: PoolFunction, outcome: Outcome): Outcome {
    const { endOfAll } = this.#set;
    if (outcome.ok || endOfAll === undefined || outcome.error !== endOfAll) return outcome;
    if (endOfAll instanceof BrokenPoolError) return failed(again(endOfAll));
    return failed(
      new BrokenPoolError(`${this.#name} was terminated before ${fn.name} had finished`),
    );
  }
}

function again({ message, cause }: BrokenPoolError): BrokenPoolError {
  return new BrokenPoolError(message, { cause });
}
