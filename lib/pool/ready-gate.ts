import type { Wait } from '../base/options.js';
import { PendingWait } from '../base/wait.js';
import { TimeoutError } from '../errors.js';

/** Those who wait for a pool that takes their work at once. */
export class ReadyGate {
  readonly #isReady: () => boolean;
  readonly #onChange: () => void;
  readonly #waiting = new Set<PendingWait<void>>();

  /** `onChange`: somebody has begun to wait, or nobody waits any more. */
  constructor(isReady: () => boolean, onChange: () => void) {
    this.#isReady = isReady;
    this.#onChange = onChange;
  }

  get isWaitedFor(): boolean {
    return this.#waiting.size > 0;
  }

  /** @throws TimeoutError, or the signal's reason, or what `fail` is given */
  async wait(wait: Wait, what: string): Promise<void> {
    wait.signal?.throwIfAborted();
    if (this.#isReady()) return;
    const pending = new PendingWait<void>(
      wait,
      () => {
        throw new TimeoutError(`${what} was not ready within ${String(wait.timeout)} ms`);
      },
      () => {
        this.#waiting.delete(pending);
        this.#onChange();
      },
    );
    this.#waiting.add(pending);
    this.#onChange();
    await pending.promise;
  }

  /** Something has changed that may make the pool ready. */
  check(): void {
    if (this.#waiting.size === 0 || !this.#isReady()) return;
    for (const pending of this.#waiting) pending.resolve();
  }

  fail(error: Error): void {
    for (const pending of this.#waiting) pending.reject(error);
  }
}
