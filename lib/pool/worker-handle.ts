/** A worker process as the dispatcher sees it; tests put another kind in its place. */
import type { ExitStatus } from '../backend/contract.js';
import type { PoolFunction } from './functions.js';
import type { Outcome, Task } from './task.js';

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
  /**
   * The task that is next in line has ended. Without having begun, when it could not be decoded over there. `outgrown`: the
   * worker has more memory than it may.
   */
  finished(taskId: number, outcome: Outcome, outgrown?: boolean): void;
  /** The task that has begun tells something, about the item at this place of its payload. */
  reported(taskId: number, value: unknown, index: number): void;
  /** The process has ended and everything it ever sent has been delivered. Comes once, last. */
  exited(status: ExitStatus): void;
}

export interface WorkerHandle {
  readonly name: string;
  readonly pid: number | undefined;
  /** When it rejects, there is no process and no event comes. */
  start(events: WorkerEvents): Promise<void>;
  /**
   * Hands over a task, after everything sent before. Rejects when it cannot be encoded: nothing was sent then, and the worker
   * is as before. A worker that cannot be reached any more is no error of the task: `exited` follows.
   */
  send(task: Task, fn: PoolFunction): Promise<void>;
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
