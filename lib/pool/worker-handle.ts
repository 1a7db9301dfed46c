/** A worker process as the dispatcher sees it; tests put another kind in its place. */
import type { ExitStatus } from '../backend/contract.js';
import type { PoolFunction } from './functions.js';
import type { Outcome, Task } from './task.js';

/** What is told with the end of a task. */
export interface Finished {
  /** Milliseconds that it ran, by the worker's clock; undefined where that is not known. */
  readonly ranMs?: number | undefined;
  /** The worker has more memory than it may. */
  readonly outgrown?: boolean | undefined;
  /** Its function answered a promise; undefined where that is not known. */
  readonly later?: boolean | undefined;
}

export interface WorkerEvents {
  /** The initializer begins. */
  initializing(): void;
  /** The initializer has run. `horizon`: the worker knows every function with a number up to this one. */
  ready(horizon: number): void;
  initializerFailed(error: unknown): void;
  /** The task that is next in line has begun. */
  started(taskId: number): void;
  /** Of a task whose run is limited: its function is called now. */
  called(taskId: number): void;
  /** The task that is next in line has ended. Without having begun, when it could not be decoded over there. */
  finished(taskId: number, outcome: Outcome, how?: Finished): void;
  /** The task that has begun tells something, about the item at this place of its payload. */
  reported(taskId: number, value: unknown, index: number): void;
  /** Before `exited`, where it has not said all by messages: this task had begun. Others may have ended since. */
  hadBegun(taskId: number): void;
  /** The process has ended and everything it ever sent has been delivered. Comes once, last. */
  exited(status: ExitStatus): void;
}

export interface WorkerHandle {
  readonly name: string;
  readonly pid: number | undefined;
  /** When it rejects, there is no process and no event comes. */
  start(events: WorkerEvents): Promise<void>;
  /**
   * Hands over a task, after everything sent before: at once, or the promise tells when. Rejects when it cannot be encoded:
   * nothing was sent then, and the worker is as before. A worker that cannot be reached any more is no error of the task:
   * `exited` follows.
   */
  send(task: Task, fn: PoolFunction): Promise<void> | undefined;
  /** Whether tasks that it has not begun can be taken back, so that it may be given many ahead. */
  readonly givesBack: boolean;
  /** Takes one back, the oldest that it has not taken itself: its id. Undefined when there is none, or none for the moment. */
  takeBack(): number | undefined;
  /** Tells the worker that nobody waits for this task any more. */
  abort(task: Task, reason: unknown): void;
  /** Delivers what has arrived from it already, whether or not anybody listens. */
  catchUp(): Promise<void>;
  /** Tells the worker to end by itself after what it was sent before. */
  stop(): void;
  /** Whether messages are awaited, which keeps this process's event loop alive. */
  listen(on: boolean): void;
  /** Whether the end is awaited, which keeps this process's event loop alive. */
  holdUntilExit(on: boolean): void;
  /** SIGTERM. */
  terminate(): void;
  /** SIGKILL. */
  kill(): void;
}

/** Makes the handle of a process that is not started yet. */
export type WorkerFactory = () => WorkerHandle;
