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

  /** Lets the iterables clean up, except one that has come to its end by itself. */
  close(ended?: Iterator<unknown>): void {
    if (!this.#open) return;
    this.#open = false;
    for (const iterator of this.#iterators) if (iterator !== ended) iterator.return?.();
  }

  #step(iterator: Iterator<unknown>): IteratorResult<unknown> {
    try {
      return iterator.next();
    } catch (error) {
      this.close(iterator);
      throw error;
    }
  }
}
