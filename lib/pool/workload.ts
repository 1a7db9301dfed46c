/** What a pool has accepted and not finished, and whether it takes more. */
import { StateError } from '../errors.js';

/** Work that was accepted and may still make tasks: a map that collects its items, an iteration. Keeps a closed pool at work. */
export interface Job {
  /** The pool has ended under it. */
  fail(error: unknown): void;
  /** Somebody waits for the end of the pool: it makes what tasks it can without being asked for results. */
  drain?(): void;
}

export class Workload {
  readonly #name: string;
  readonly #jobs = new Set<Job>();
  #state: 'running' | 'closed' | 'terminated' | 'broken' = 'running';
  #endOfAll: Error | undefined;
  /** Tasks that have not settled, queued or given. */
  #unsettled = 0;
  #drains = false;

  /** `name` is shown in errors. */
  constructor(name: string) {
    this.#name = name;
  }

  /** What all that had not settled failed with, when the workers were terminated or the pool broke. */
  get endOfAll(): Error | undefined {
    return this.#endOfAll;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get hasTasks(): boolean {
    return this.#unsettled > 0;
  }

  get hasWork(): boolean {
    return this.hasTasks || this.#jobs.size > 0;
  }

  /** It takes nothing more, and has nothing left to do. */
  get isDone(): boolean {
    return !this.isRunning && !this.hasWork;
  }

  /** @throws StateError after close() and terminate(). A broken pool takes tasks, and fails them. */
  checkOpen(): void {
    if (this.#state === 'closed' || this.#state === 'terminated') {
      throw new StateError(`${this.#name} is ${this.#state}: it takes no more tasks`);
    }
  }

  count(change: number): void {
    this.#unsettled += change;
  }

  /** A job that comes back to a closed pool which has nothing left to do comes too late. */
  addJob(job: Job): void {
    if (this.#endOfAll !== undefined) job.fail(this.#endOfAll);
    else if (this.isDone) job.fail(new StateError(`${this.#name} was closed and has ended`));
    else {
      this.#jobs.add(job);
      if (this.#drains) job.drain?.();
    }
  }

  removeJob(job: Job): void {
    this.#jobs.delete(job);
  }

  close(): void {
    if (this.isRunning) this.#state = 'closed';
  }

  /** Somebody waits for all of it to end. */
  drain(): void {
    this.#drains = true;
    for (const job of this.#jobs) job.drain?.();
  }

  /** False when it has ended before. Its jobs are to be failed, and its tasks to be settled. */
  end(state: 'terminated' | 'broken', error: Error): boolean {
    if (this.#endOfAll !== undefined) return false;
    this.#endOfAll = error;
    this.#state = state;
    return true;
  }

  failJobs(error: Error): void {
    for (const job of this.#jobs) job.fail(error);
  }
}
