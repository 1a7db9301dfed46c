/** A timeout turned into a moment: computed once where the call came in, passed down, asked for what remains. */
export class Deadline {
  /** Milliseconds on performance.now()'s clock; Infinity waits for ever. */
  readonly #at: number;

  private constructor(at: number) {
    this.#at = at;
  }

  static after(timeoutMs: number | undefined): Deadline {
    return new Deadline(timeoutMs === undefined ? Infinity : performance.now() + timeoutMs);
  }

  get never(): boolean {
    return this.#at === Infinity;
  }

  /** Milliseconds left, never below zero; Infinity when there is no deadline. */
  remainingMs(): number {
    return this.#at === Infinity ? Infinity : Math.max(0, this.#at - performance.now());
  }

  get passed(): boolean {
    return this.remainingMs() === 0;
  }
}
