/**
 * Tasks that wait for a worker, first in, first out. One lane per function, because a forked worker can only run functions
 * that it was born with: it takes the oldest task among the lanes it knows.
 */
import type { Task } from './task.js';

export class TaskQueue {
  readonly #lanes = new Map<number, Lane>();
  #length = 0;

  /** Tasks that have not settled. Settled ones may still lie in a lane until it is read past them. */
  get length(): number {
    return this.#length;
  }

  push(task: Task): void {
    this.#laneOf(task).push(task);
    this.#enter(task);
  }

  /** Back to the front of its lane: the task had been handed out and did not begin. */
  unshift(task: Task): void {
    this.#laneOf(task).unshift(task);
    this.#enter(task);
  }

  /** The oldest task whose function number is at most `horizon`. */
  take(horizon: number): Task | undefined {
    let oldest: Lane | undefined;
    let id = Infinity;
    for (const [fn, lane] of this.#lanes) {
      const first = lane.first();
      if (first === undefined) this.#lanes.delete(fn);
      else if (fn <= horizon && first.id < id) {
        oldest = lane;
        id = first.id;
      }
    }
    const task = oldest?.shift();
    if (task !== undefined) this.forget(task);
    return task;
  }

  /** The task is taken, or about to be settled by its caller: it counts no more. */
  forget(task: Task): void {
    task.queued = false;
    this.#length--;
  }

  /** Empties the queue. */
  drain(): Task[] {
    const tasks = [...this.#lanes.values()].flatMap((lane) => lane.rest());
    this.#lanes.clear();
    for (const task of tasks) this.forget(task);
    return tasks;
  }

  #enter(task: Task): void {
    task.queued = true;
    this.#length++;
  }

  #laneOf(task: Task): Lane {
    let lane = this.#lanes.get(task.fn.id);
    if (lane === undefined) this.#lanes.set(task.fn.id, (lane = new Lane()));
    return lane;
  }
}

/** A list that is read from the front without moving the rest. */
class Lane {
  #tasks: (Task | undefined)[] = [];
  #head = 0;

  push(task: Task): void {
    this.#tasks.push(task);
  }

  unshift(task: Task): void {
    if (this.#head > 0) this.#tasks[--this.#head] = task;
    else this.#tasks.unshift(task);
  }

  /** The first that has not settled; the settled before it are dropped. */
  first(): Task | undefined {
    while (this.#head < this.#tasks.length) {
      const task = this.#tasks[this.#head];
      if (task !== undefined && !task.settled) return task;
      this.shift();
    }
    return undefined;
  }

  shift(): Task | undefined {
    const task = this.#tasks[this.#head];
    this.#tasks[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#tasks.length) {
      this.#tasks = this.#tasks.slice(this.#head);
      this.#head = 0;
    }
    return task;
  }

  rest(): Task[] {
    return this.#tasks
      .slice(this.#head)
      .filter((task): task is Task => task !== undefined && !task.settled);
  }
}
