/** Tells when workers die faster than they do work, so that a pool breaks with a reason instead of starting them for ever. */

/** Idle deaths older than this are forgotten. */
const WINDOW_MS = 10_000;

export class CrashLimit {
  readonly #limit: number;
  #beforeReady = 0;
  #idleDeathsAt: number[] = [];

  constructor(poolSize: number) {
    this.#limit = 2 * poolSize + 3;
  }

  /** A worker has come up. */
  workerReady(): void {
    this.#beforeReady = 0;
  }

  /** A task has been settled by a worker, or by its death. */
  progressed(): void {
    this.#beforeReady = 0;
    if (this.#idleDeathsAt.length > 0) this.#idleDeathsAt = [];
  }

  /** One more worker ended before it was ready. The reason when that was one too many. */
  diedBeforeReady(): string | undefined {
    if (++this.#beforeReady <= this.#limit) return undefined;
    return `${String(this.#beforeReady)} workers in a row ended before they were ready`;
  }

  /** One more worker ended without work. The reason when that was one too many. */
  diedIdle(): string | undefined {
    const now = performance.now();
    this.#idleDeathsAt = this.#idleDeathsAt.filter((at) => now - at < WINDOW_MS);
    this.#idleDeathsAt.push(now);
    if (this.#idleDeathsAt.length <= this.#limit) return undefined;
    return `${String(this.#idleDeathsAt.length)} idle workers ended within ${String(WINDOW_MS / 1000)} seconds`;
  }
}
