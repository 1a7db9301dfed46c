import type { Decoded } from '../backend/queue-contract.js';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';

/** Counts the forks that this process descends from: what the parent has taken is not for its child to be told. */
let generation = 0;

resetAfterFork(AfterForkOrder.Services, (occasion) => {
  if (occasion !== 'rehearsal') generation += 1;
});

/**
 * Items that came among several and could not be understood. They must not take the others with them: those are handed out, and
 * each of these is thrown by a later call. Only errors wait here, never an item that somebody else could have had.
 */
export class Undecodable {
  #errors: unknown[] = [];
  #generation = generation;

  throwNext(): void {
    if (this.#errors.length === 0) return;
    if (this.#generation !== generation) this.#errors = [];
    else throw this.#errors.shift();
  }

  /** What was understood. @throws the first error when nothing was. */
  sort(taken: readonly Decoded<unknown>[]): unknown[] {
    const items: unknown[] = [];
    for (const one of taken) {
      if ('value' in one) items.push(one.value);
      else this.#keep(one.error);
    }
    if (items.length === 0) this.throwNext();
    return items;
  }

  #keep(error: unknown): void {
    this.#generation = generation;
    this.#errors.push(error);
  }
}
