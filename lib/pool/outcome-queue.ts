import type { Outcome } from './task.js';

/** So many places of what was given out may stand before the rest. */
const MOST_GIVEN = 1024;

/** Outcomes of tasks on their way to a consumer: given out in the order of the tasks, or in the order of their arrival. */
export class OutcomeQueue<R> {
  readonly #ordered: boolean;
  /** Those that came before their turn, by task number, and whose turn it is. */
  readonly #early = new Map<number, readonly Outcome<R>[]>();
  #turn = 0;
  #ready: (Outcome<R> | undefined)[] = [];
  #given = 0;
  #size = 0;

  constructor(ordered: boolean) {
    this.#ordered = ordered;
  }

  /** Nothing can be taken now. */
  get isEmpty(): boolean {
    return this.#given === this.#ready.length;
  }

  /** How many have come and were not taken, also those whose turn has not come. */
  get size(): number {
    return this.#size;
  }

  /** Task number `turn` has these outcomes, one for each of its items. */
  add(turn: number, outcomes: readonly Outcome<R>[]): void {
    this.#size += outcomes.length;
    if (!this.#ordered) {
      this.#append(outcomes);
      return;
    }
    this.#early.set(turn, outcomes);
    for (let next; (next = this.#early.get(this.#turn)) !== undefined; this.#turn++) {
      this.#early.delete(this.#turn);
      this.#append(next);
    }
  }

  take(): Outcome<R> | undefined {
    const outcome = this.#ready[this.#given];
    if (outcome === undefined) return undefined;
    // Whoever took it may be done with it long before the queue is empty.
    this.#ready[this.#given] = undefined;
    this.#given++;
    this.#size--;
    if (this.isEmpty) this.#reset([]);
    else if (this.#given >= MOST_GIVEN && 2 * this.#given >= this.#ready.length) {
      this.#reset(this.#ready.slice(this.#given));
    }
    return outcome;
  }

  /** Drops everything; what is left to take is this. */
  replace(last: readonly Outcome<R>[]): void {
    this.#early.clear();
    this.#size = last.length;
    this.#reset([...last]);
  }

  /** One by one: a call takes some hundred thousand arguments at the most. */
  #append(outcomes: readonly Outcome<R>[]): void {
    for (const outcome of outcomes) this.#ready.push(outcome);
  }

  #reset(ready: (Outcome<R> | undefined)[]): void {
    this.#ready = ready;
    this.#given = 0;
  }
}
