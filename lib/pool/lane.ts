import type { Task } from './task.js';

/** A list of tasks that is read from the front without moving the rest. */
export class Lane {
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
