/** The longest that a timer can be. It never does anything; its being there keeps the event loop alive. */
const LONGEST_MS = 2 ** 31 - 1;

/** Keeps the event loop alive while somebody waits, whatever else the process has. */
export class Liveness {
  #holds = 0;
  #timer: NodeJS.Timeout | undefined;

  get holds(): number {
    return this.#holds;
  }

  hold(): void {
    this.#holds += 1;
    this.#timer ??= setInterval(() => undefined, LONGEST_MS);
    this.#timer.ref();
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.#timer?.unref();
  }
}
