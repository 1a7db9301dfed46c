/** Things in the order in which they came, which leave from the front or from anywhere: each step takes the same, however many there are. */
export class Fifo<T extends object> {
  readonly #items = new Set<T>();
  /** Kept from one look to the next: one that begins anew passes all the places that have been left. */
  #rest = this.#items.values();
  #first: T | undefined;

  get size(): number {
    return this.#items.size;
  }

  get first(): T | undefined {
    while (this.#first === undefined || !this.#items.has(this.#first)) {
      const { done, value } = this.#rest.next();
      this.#first = value;
      if (done !== true) continue;
      this.#rest = this.#items.values();
      if (this.#items.size === 0) return undefined;
    }
    return this.#first;
  }

  push(item: T): void {
    this.#items.add(item);
  }

  delete(item: T): boolean {
    return this.#items.delete(item);
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }
}
