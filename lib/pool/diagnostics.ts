/** What a pool publishes on `node:diagnostics_channel`. Costs nothing where nobody listens. */
import { channel } from 'node:diagnostics_channel';
import type { ExitStatus } from '../backend/contract.js';
import type { PoolWorker } from './pool-worker.js';
import type { Outcome, Task } from './task.js';

const channels = {
  queued: channel('node-multiprocessing:task:queue'),
  started: channel('node-multiprocessing:task:start'),
  ended: channel('node-multiprocessing:task:end'),
  workerStarted: channel('node-multiprocessing:worker:start'),
  workerEnded: channel('node-multiprocessing:worker:end'),
};

/** Whether somebody wants to hear of the beginning of tasks. */
export function startsAreWatched(): boolean {
  return channels.started.hasSubscribers;
}

/** What the messages say of the pool. */
export class PoolChannels {
  readonly #pool: string;

  constructor(pool: string) {
    this.#pool = pool;
  }

  taskQueued(task: Task): void {
    if (!channels.queued.hasSubscribers) return;
    channels.queued.publish({ ...this.#about(task), priority: task.priority });
  }

  /** A task that is run again starts once more. */
  taskStarted(task: Task, { pid }: PoolWorker): void {
    if (!channels.started.hasSubscribers) return;
    const waitMs = (task.startedAt ?? task.queuedAt) - task.queuedAt;
    channels.started.publish({ ...this.#about(task), pid, waitMs });
  }

  /** Once for every task. `runMs` is undefined when it has not begun. */
  taskEnded(task: Task, outcome: Outcome): void {
    if (!channels.ended.hasSubscribers) return;
    const runMs = task.startedAt === undefined ? undefined : performance.now() - task.startedAt;
    const error = outcome.ok ? undefined : outcome.error;
    channels.ended.publish({ ...this.#about(task), runMs, ok: outcome.ok, error });
  }

  workerStarted({ name, pid }: PoolWorker): void {
    channels.workerStarted.publish({ pool: this.#pool, name, pid });
  }

  workerEnded({ name, pid }: PoolWorker, { exitCode, signalCode }: ExitStatus): void {
    channels.workerEnded.publish({ pool: this.#pool, name, pid, exitCode, signalCode });
  }

  #about(task: Task): { pool: string; id: number; name: string } {
    return { pool: this.#pool, id: task.id, name: task.fn.name };
  }
}
