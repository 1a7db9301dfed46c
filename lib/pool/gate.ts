import { throwIfAborted } from '../base/abort-signal.js';
import type { Wait } from '../base/options.js';
import { PendingWait } from '../base/wait.js';

/** Those who wait for a state of the pool. */
export class Gate {
  readonly #isOpen: () => boolean;
  readonly #onChange: () => void;
  readonly #waiting = new Set<PendingWait<boolean>>();

  /** `onChange`: somebody has begun to wait, or waits no more. */
  constructor(isOpen: () => boolean, onChange: () => void) {
    this.#isOpen = isOpen;
    this.#onChange = onChange;
  }

  get isWaitedFor(): boolean {
    return this.#waiting.size > 0;
  }

  /** True when it is open, false when the timeout passed first. Rejects with what `fail` is given, or the signal's reason. */
  async wait(wait: Wait): Promise<boolean> {
    throwIfAborted(wait.signal);
    if (this.#isOpen()) return true;
    const pending: PendingWait<boolean> = new PendingWait<boolean>(
      wait,
      () => false,
      () => {
        this.#waiting.delete(pending);
        this.#onChange();
      },
    );
    this.#waiting.add(pending);
    this.#onChange();
    return pending.promise;
  }

  /** Something has changed that may open it. */
  check(): void {
    if (this.#waiting.size === 0 || !this.#isOpen()) return;
    for (const pending of this.#waiting) pending.resolve(true);
  }

  fail(error: Error): void {
    for (const pending of this.#waiting) pending.reject(error);
  }
}
