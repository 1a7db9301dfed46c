import { goesBefore } from './lane-heap.js';
import type { Flow, Task } from './task.js';

/** The tasks of a flow with one function, by turn: a list that is read from the front without moving the rest. */
export class Lane {
  readonly flow: Flow;
  readonly fn: number;
  /** Its place among the others; kept by their heap. */
  at = 0;
  #tasks: (Task | undefined)[] = [];
  #head = 0;

  constructor(flow: Flow, fn: number) {
    this.flow = flow;
    this.fn = fn;
  }

  push(task: Task): void {
    this.#tasks.push(task);
  }

  /** Before all that were not taken before it. */
  unshift(task: Task): void {
    if (this.#head > 0) this.#tasks[--this.#head] = task;
    else this.#tasks.unshift(task);
    for (let at = this.#head + 1; at < this.#tasks.length; at++) {
      const other = this.#tasks[at];
      if (other !== undefined && !goesBefore(other, task)) break;
      this.#tasks[at - 1] = other;
      this.#tasks[at] = task;
    }
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

  /** How many have not settled; counted up to `most`. */
  count(most: number): number {
    let count = 0;
    for (let at = this.#head; at < this.#tasks.length && count < most; at++)
      if (this.#tasks[at]?.settled === false) count++;
    return count;
  }

  rest(): Task[] {
    return this.#tasks
      .slice(this.#head)
      .filter((task): task is Task => task !== undefined && !task.settled);
  }
}
