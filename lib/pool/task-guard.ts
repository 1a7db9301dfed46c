/** The clocks over the task that a worker is at: how long it may run, and how long it may go on when it was given up. */
import { limit } from './limits.js';
import type { Task } from './task.js';
import type { WorkerHandle } from './worker-handle.js';

/** A worker whose answer has begun to arrive and does not come to its end is not waited for any longer than this. */
const STUCK_MS = 1_000;

/** The longest time that a timer of Node can measure, 25 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const nothing = (): void => undefined;

export class TaskGuard {
  readonly #handle: Pick<WorkerHandle, 'catchUp' | 'kill'>;
  #task: Task | undefined;
  #liftLimit = nothing;
  /** Does not hold the program: its end ends the worker too. */
  #grace: NodeJS.Timeout | undefined;
  #killed = false;

  constructor(handle: Pick<WorkerHandle, 'catchUp' | 'kill'>) {
    this.#handle = handle;
  }

  /** The worker was killed because it went on with a task that was given up. */
  get killed(): boolean {
    return this.#killed;
  }

  /** This is the task that the worker is at, whether it has begun or is about to. To be called when anything about it changes. */
  turnTo(task: Task | undefined): void {
    if (task !== this.#task) {
      this.#liftLimit();
      this.#liftLimit = nothing;
      clearTimeout(this.#grace);
      this.#grace = undefined;
      this.#task = task;
    }
    const graceMs = task?.graceMs;
    if (graceMs === undefined || graceMs > LONGEST_TIMER_MS) return;
    this.#grace ??= setTimeout(() => {
      this.#expire(task);
    }, graceMs).unref();
  }

  /** Its function is called. `overran` is called when it runs longer than it may. */
  begin(task: Task, overran: (error: unknown) => void): void {
    const { taskTimeout: timeout } = task.control;
    this.#liftLimit = limit({ timeout }, `the task ${task.fn.name}`, overran, 'ran longer than');
  }

  #expire(task: Task | undefined): void {
    const kill = (): void => {
      if (this.#task !== task || this.#killed) return;
      this.#killed = true;
      this.#handle.kill();
    };
    // It may have ended in time while nobody listened, or while this process was busy.
    this.#handle.catchUp().then(kill, kill);
    this.#grace = setTimeout(kill, STUCK_MS).unref();
  }
}
