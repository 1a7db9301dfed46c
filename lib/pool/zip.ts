import { log } from '../base/log.js';

/** Python's zip(): the first of each, the second of each, until one of them has no more. */
export class Zip {
  readonly #iterators: Iterator<unknown>[] = [];
  #open = true;

  constructor(iterables: readonly Iterable<unknown>[]) {
    for (const iterable of iterables) this.#iterators.push(iterable[Symbol.iterator]());
  }

  /** One item of each; undefined at the end. What an iterable throws ends it too. */
  next(): unknown[] | undefined {
    if (!this.#open || this.#iterators.length === 0) return undefined;
    const items: unknown[] = [];
    for (const iterator of this.#iterators) {
      const step = this.#step(iterator);
      if (step.done === true) {
        this.close(iterator);
        return undefined;
      }
      items.push(step.value);
    }
    return items;
  }

  /** Lets the iterables clean up, except one that has come to its end by itself. @throws What one of them throws there. */
  close(ended?: Iterator<unknown>): void {
    if (!this.#open) return;
    this.#open = false;
    const problems: unknown[] = [];
    for (const iterator of this.#iterators)
      try {
        if (iterator !== ended) iterator.return?.();
      } catch (error) {
        problems.push(error);
      }
    if (problems.length > 0) throw problems[0];
  }

  /** The error that has ended it counts, not what comes after. */
  closeAfterError(ended?: Iterator<unknown>): void {
    try {
      this.close(ended);
    } catch (error) {
      log('an iterable could not be closed: %o', error);
    }
  }

  #step(iterator: Iterator<unknown>): IteratorResult<unknown> {
    try {
      return iterator.next();
    } catch (error) {
      this.closeAfterError(iterator);
      throw error;
    }
  }
}
