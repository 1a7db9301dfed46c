/** One worker's line: what it was given and what it has begun, in order. From this a death is blamed on the right task. */
import { log } from '../base/log.js';
import type { ExitStatus } from '../backend/contract.js';
import { Farewell, type Way } from './farewell.js';
import { noteAnswer } from './functions.js';
import { GivenTasks } from './given-tasks.js';
import { TaskGuard } from './task-guard.js';
import { failed, type Outcome, type Task } from './task.js';
import { batchOf } from './tasks-ahead.js';
import type { Finished, WorkerEvents, WorkerHandle } from './worker-handle.js';

/** What a worker tells the set that it belongs to. */
export interface WorkerOwner {
  /** Its process exists. */
  workerLaunched(): void;
  workerReady(worker: PoolWorker): void;
  /** Its initializer begins. */
  workerInitializing(): void;
  workerStartFailed(worker: PoolWorker, error: unknown): void;
  initializerFailed(worker: PoolWorker, error: unknown): void;
  taskStarted(worker: PoolWorker, task: Task): void;
  /** The task runs longer than it may. */
  abort(task: Task, error: unknown): void;
  /** What had to wait before it could be sent to it is in its line. */
  taskSent(worker: PoolWorker): void;
  /** The task has left the worker's line. */
  taskEnded(worker: PoolWorker, task: Task, outcome: Outcome): void;
  workerExited(worker: PoolWorker, status: ExitStatus): void;
}

/**
 * starting: the process or its initializer is on the way · ready: takes tasks · leaving: was told to end, takes nothing more.
 */
export type WorkerState = 'starting' | 'ready' | 'leaving';

export class PoolWorker implements WorkerEvents {
  readonly #handle: WorkerHandle;
  readonly #owner: WorkerOwner;
  readonly #line = new GivenTasks();
  /** Tasks in its line that wait for room on the way. */
  #underway = 0;
  #state: WorkerState = 'starting';
  #running = false;
  #horizon = 0;
  #given = 0;
  #finished = 0;
  #listening = false;
  #initializing = false;
  #outgrown = false;
  readonly #guard: TaskGuard;
  readonly #farewell: Farewell;

  constructor(handle: WorkerHandle, owner: WorkerOwner) {
    this.#handle = handle;
    this.#owner = owner;
    this.#guard = new TaskGuard(handle);
    this.#farewell = new Farewell(handle);
  }

  start(): void {
    this.#handle.start(this).then(
      () => {
        this.#farewell.launched();
        this.#owner.workerLaunched();
      },
      (error: unknown) => {
        this.#owner.workerStartFailed(this, error);
      },
    );
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Ready, with nothing in its line. */
  get idle(): boolean {
    return this.#state === 'ready' && this.#line.length === 0;
  }

  /** Tasks given to it that have not ended. */
  get load(): number {
    return this.#line.length;
  }

  /** Tasks given to it in its life. */
  get given(): number {
    return this.#given;
  }

  /** Its initializer is running. */
  get isInitializing(): boolean {
    return this.#state === 'starting' && this.#initializing;
  }

  /** It has more memory than it may. */
  get outgrown(): boolean {
    return this.#outgrown;
  }

  /** It was killed for a task that would not end. */
  get condemned(): boolean {
    return this.#guard.killed;
  }

  get finishedAny(): boolean {
    return this.#finished > 0;
  }

  get name(): string {
    return this.#handle.name;
  }

  get pid(): number | undefined {
    return this.#handle.pid;
  }

  /** The function with the highest number that it can run. */
  get horizon(): number {
    return this.#horizon;
  }

  /**
   * Whether one more task in its line would begin in a moment, as those before it are known to be short. Should one of them be longer than
   * it looked, whoever has nothing to do takes over what is behind it; where that cannot be, nothing is.
   */
  get takesAhead(): boolean {
    if (this.#state !== 'ready') return false;
    if (this.#line.length === 0) return true;
    return this.#handle.givesBack && this.#underway === 0 && this.#line.hasRoomAhead;
  }

  /** The last in its line, behind another one; undefined while something is on its way there, which cannot be taken back yet. */
  get lastAhead(): Task | undefined {
    return this.#state === 'ready' && this.#underway === 0 ? this.#line.lastAhead : undefined;
  }

  /** Nothing is in its line but tasks of batches, of one priority, and it is not known to be at one that turns out to be long. */
  isAtBatch(now: number): boolean {
    return this.#line.isAtBatch(now);
  }

  /** When a task of its line has ended, or the first one came. */
  get heardAt(): number {
    return this.#line.heardAt;
  }

  /** Its last task took longer than it had looked, and what was given with it may as well. */
  get wasLate(): boolean {
    return this.#line.wasLate;
  }

  /** What it is at takes longer than it had looked. */
  isLate(now: number): boolean {
    return this.#line.isLate(now);
  }

  give(task: Task): void {
    this.#line.push(task, this.#handle.givesBack ? batchOf(task) : 0);
    if (this.#line.length === 1) this.#reach();
    this.#given++;
    this.listen(true);
    const waiting = this.#handle.send(task, task.fn);
    if (waiting === undefined) return;
    this.#underway++;
    waiting.then(
      () => {
        this.#underway--;
        this.#owner.taskSent(this);
      },
      (error: unknown) => {
        this.#underway--;
        this.#given--;
        this.#end(task, failed(error));
      },
    );
  }

  /** Takes back up to so many that it has not begun, for others to run. */
  takeBack(most: number): Task[] {
    const back: Task[] = [];
    const { first } = this.#line;
    while (back.length < most) {
      const id = this.#handle.takeBack();
      if (id === undefined) break;
      const task = this.#line.removeById(id);
      if (task === undefined) continue;
      this.#given--;
      back.push(task);
    }
    if (first !== this.#line.first) {
      first?.onReturned?.();
      this.#reach();
    }
    return back;
  }

  /** Nobody waits any more for a task that it has taken, as it cannot be taken back. */
  gaveUp(task: Task): void {
    if (this.#handle.givesBack && this.#line.first === task) this.#line.noteBegun();
  }

  has(task: Task): boolean {
    return this.#line.has(task);
  }

  /** The task has been given up. When it is at it, it has so many milliseconds to end it. */
  abort(task: Task, reason: unknown, graceMs: number): void {
    task.graceMs = graceMs;
    this.#handle.abort(task, reason);
    this.#guard.turnTo(this.#line.first);
  }

  /** Whether messages are awaited, which keeps the event loop alive: while it has something to tell that somebody waits for. */
  listen(wanted: boolean): void {
    const on = wanted && (this.#state === 'starting' || this.#line.length > 0);
    if (on === this.#listening) return;
    this.#listening = on;
    this.#handle.listen(on);
  }

  holdUntilExit(on: boolean): void {
    this.#handle.holdUntilExit(on);
  }

  /** Gets nothing more, and is told to end when it has done what it was given. */
  retire(): void {
    this.#state = 'leaving';
    if (this.#line.length === 0) this.stop();
  }

  /** Ends by itself, after what it was given. */
  stop(): void {
    this.#leave('stop');
  }

  /** Ends now: by SIGTERM, or by SIGKILL. */
  terminate(how: 'terminate' | 'kill' = 'terminate'): void {
    this.#leave(how);
  }

  kill(): void {
    if (this.#farewell.isLaunched) this.#handle.kill();
  }

  /** The task that it runs, the first of its line. */
  get begun(): Task | undefined {
    return this.#running ? this.#line.first : undefined;
  }

  /** Empties its line, for whose tasks nobody waits any more. */
  giveUpLine(): Task[] {
    const back = this.takeBack(this.load);
    if (this.#handle.givesBack) this.#line.noteBegun();
    return [...this.takeLine(), ...back];
  }

  /** Empties its line. */
  takeLine(): Task[] {
    if (!this.#running) this.#line.first?.onReturned?.();
    this.#running = false;
    this.#guard.turnTo(undefined);
    return this.#line.clear();
  }

  describe(): string {
    return `worker ${this.#handle.name} (pid ${this.pid === undefined ? 'none' : String(this.pid)})`;
  }

  // ---- what the process says -----------------------------------------------------------------------------------------------

  initializing(): void {
    this.#initializing = true;
    this.#owner.workerInitializing();
  }

  ready(horizon: number): void {
    this.#horizon = horizon;
    if (this.#state !== 'starting') return;
    this.#state = 'ready';
    this.listen(false);
    this.#owner.workerReady(this);
  }

  initializerFailed(error: unknown): void {
    this.#owner.initializerFailed(this, error);
  }

  started(taskId: number): void {
    const task = this.#next(taskId);
    if (task === undefined) return;
    this.#running = true;
    task.startedAt = performance.now();
    this.#owner.taskStarted(this, task);
  }

  called(taskId: number): void {
    const task = this.#next(taskId);
    if (task === undefined) return;
    this.#guard.begin(task, (error) => {
      this.#owner.abort(task, error);
    });
  }

  reported(taskId: number, value: unknown, index: number): void {
    const task = this.#next(taskId);
    if (task?.settled === false) task.control.onReport?.(value, index);
  }

  finished(taskId: number, outcome: Outcome, finished: Finished = {}): void {
    const { ranMs, outgrown = false, later } = finished;
    const task = this.#next(taskId);
    if (task === undefined) return;
    this.#running = false;
    this.#outgrown ||= outgrown;
    this.#finished++;
    if (later !== undefined) noteAnswer(task.fn, later);
    this.#line.noteEnd(task, ranMs);
    this.#end(task, outcome);
  }

  hadBegun(taskId: number): void {
    const { first } = this.#line;
    if (first?.id !== taskId) return;
    this.#running = true;
    this.#line.noteBegun();
  }

  exited(status: ExitStatus): void {
    this.#owner.workerExited(this, status);
  }

  /** The first of the line. A worker that speaks of another one has lost the thread and is of no more use. */
  #next(taskId: number): Task | undefined {
    const task = this.#line.first;
    if (task?.id === taskId) return task;
    if (this.#state === 'leaving') return undefined;
    log('%s spoke of task %d, expected %s', this.describe(), taskId, task?.id);
    this.kill();
    return undefined;
  }

  #end(task: Task, outcome: Outcome): void {
    if (!this.#line.remove(task)) return;
    this.#reach();
    this.#owner.taskEnded(this, task, outcome);
  }

  /** Another task is the first of its line, or none. */
  #reach(): void {
    const task = this.#line.first;
    this.#guard.turnTo(task);
    task?.onReached?.();
    if (task !== undefined) return;
    this.listen(false);
    if (this.#state === 'leaving') this.stop();
  }

  #leave(way: Way): void {
    this.#state = 'leaving';
    this.listen(false);
    this.#farewell.say(way);
  }
}
