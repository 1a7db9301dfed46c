/** What a worker was given and has not ended, in order, and how long that is expected to take. */
import { noteRunTime } from './functions.js';
import type { Task } from './task.js';
import { BATCH_AHEAD_MS, expectedMsOf, hasRoomAhead, isLate } from './tasks-ahead.js';

export class GivenTasks {
  readonly #tasks: Task[] = [];
  /** Milliseconds, as each task was expected to take when it was given. */
  #expectedMs = 0;
  /** Tasks that are of no batch. */
  #single = 0;
  #heardAt = 0;
  #wasLate = false;

  get length(): number {
    return this.#tasks.length;
  }

  /** The one that the worker is at, or comes to next. */
  get first(): Task | undefined {
    return this.#tasks[0];
  }

  /** The last, behind another one. */
  get lastAhead(): Task | undefined {
    return this.length > 1 ? this.#tasks.at(-1) : undefined;
  }

  /** Whether one more behind these would begin in a moment. */
  get hasRoomAhead(): boolean {
    const { length } = this;
    return hasRoomAhead({ length, expectedMs: this.#expectedMs, isBatched: this.#single === 0 });
  }

  /** When one of them has ended last, or the first one came. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** The last that ended took longer than it had looked. */
  get wasLate(): boolean {
    return this.#wasLate;
  }

  /** The first takes longer than it had looked. */
  isLate(now: number): boolean {
    const { first } = this;
    return first !== undefined && isLate(first, now - this.#heardAt);
  }

  /** All of them are of batches, of one priority, and the first is not known to be one that turns out to be long. */
  isAtBatch(now: number): boolean {
    if (this.#single > 0 || now - this.#heardAt >= BATCH_AHEAD_MS) return false;
    // Those of a higher priority stand before the others.
    return this.first?.priority === this.#tasks.at(-1)?.priority;
  }

  has(task: Task): boolean {
    return this.#tasks.includes(task);
  }

  /** `batch`: of which the worker may tell the answer late; 0 of none. */
  push(task: Task, batch: number): void {
    this.#expectedMs += task.expectedMs = expectedMsOf(task);
    task.batch = batch;
    if (batch === 0) this.#single++;
    if (this.#tasks.push(task) === 1) this.#heardAt = performance.now();
  }

  /** The first has begun, unheard: not before the one before it had ended. */
  noteBegun(): void {
    const { first } = this;
    if (first !== undefined) first.startedAt ??= this.#heardAt;
  }

  /** It has ended, and ran so many milliseconds, where its worker says that. */
  noteEnd(task: Task, ranMs: number | undefined): void {
    this.#heardAt = performance.now();
    this.#wasLate = false;
    if (ranMs !== undefined) task.startedAt ??= this.#heardAt - ranMs;
    if (task.startedAt === undefined) return;
    const took = ranMs ?? this.#heardAt - task.startedAt;
    noteRunTime(task.fn, took);
    this.#wasLate = isLate(task, took);
  }

  /** False when it is not here. */
  remove(task: Task): boolean {
    return this.#removeAt(this.#tasks.indexOf(task)) !== undefined;
  }

  removeById(id: number): Task | undefined {
    return this.#removeAt(this.#tasks.findIndex((task) => task.id === id));
  }

  /** All that were here. */
  clear(): Task[] {
    this.#expectedMs = 0;
    this.#single = 0;
    return this.#tasks.splice(0);
  }

  #removeAt(at: number): Task | undefined {
    const task = this.#tasks[at];
    if (task === undefined) return undefined;
    // Nearly always the first.
    if (at === 0) this.#tasks.shift();
    else this.#tasks.splice(at, 1);
    if (task.batch === 0) this.#single--;
    this.#expectedMs = this.length === 0 ? 0 : this.#expectedMs - task.expectedMs;
    return task;
  }
}
