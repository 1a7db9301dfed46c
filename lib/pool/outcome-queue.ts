import type { Outcome } from './task.js';

/** Outcomes of tasks on their way to a consumer: given out in the order of the tasks, or in the order of their arrival. */
export class OutcomeQueue<R> {
  readonly #ordered: boolean;
  /** Those that came before their turn, by task number, and whose turn it is. */
  readonly #early = new Map<number, readonly Outcome<R>[]>();
  #turn = 0;
  #ready: Outcome<R>[] = [];
  #given = 0;

  constructor(ordered: boolean) {
    this.#ordered = ordered;
  }

  /** Nothing can be taken now. */
  get isEmpty(): boolean {
    return this.#given === this.#ready.length;
  }

  /** Task number `turn` has these outcomes, one for each of its items. */
  add(turn: number, outcomes: readonly Outcome<R>[]): void {
    if (!this.#ordered) {
      this.#ready.push(...outcomes);
      return;
    }
    this.#early.set(turn, outcomes);
    for (let next; (next = this.#early.get(this.#turn)) !== undefined; this.#turn++) {
      this.#early.delete(this.#turn);
      this.#ready.push(...next);
    }
  }

  take(): Outcome<R> | undefined {
    const outcome = this.#ready[this.#given];
    if (outcome === undefined) return undefined;
    this.#given++;
    if (this.isEmpty) this.#reset([]);
    return outcome;
  }

  /** Drops everything; what is left to take is this. */
  replace(last: readonly Outcome<R>[]): void {
    this.#early.clear();
    this.#reset([...last]);
  }

  #reset(ready: Outcome<R>[]): void {
    this.#ready = ready;
    this.#given = 0;
  }
}
