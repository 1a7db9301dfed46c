import { throwIfAborted } from '../base/abort-signal.js';
import type { Wait } from '../base/options.js';
import { PendingWait } from '../base/wait.js';

/** Those who wait for a state of the pool. They are let through in order; where each takes room, one after the other. */
export class Gate {
  readonly #room: () => number;
  readonly #onChange: () => void;
  readonly #waiting = new Set<PendingWait<boolean>>();
  /** Somebody has been let through who may still take room: before this turn of the loop ends, or not at all. */
  #passing = false;

  /** `room`: above 0 it is open; Infinity where nobody takes any. `onChange`: somebody has begun to wait, or waits no more. */
  constructor(room: () => number, onChange: () => void) {
    this.#room = room;
    this.#onChange = onChange;
  }

  get isWaitedFor(): boolean {
    return this.#waiting.size > 0;
  }

  /** True when it is open, false when the timeout passed first. Rejects with what `fail` is given, or the signal's reason. */
  async wait(wait: Wait): Promise<boolean> {
    throwIfAborted(wait.signal);
    if (this.#waiting.size === 0 && this.#pass()) return true;
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
    for (const pending of this.#waiting) {
      if (!this.#pass()) return;
      pending.resolve(true);
    }
  }

  /** Somebody takes room in a moment. How much that is, and what is left for the next, is seen then. */
  taken(): void {
    if (!this.#passing) return;
    queueMicrotask(() => {
      this.#passed();
    });
  }

  fail(error: Error): void {
    for (const pending of this.#waiting) pending.reject(error);
  }

  #pass(): boolean {
    if (this.#passing) return false;
    const room = this.#room();
    if (room <= 0 || room === Infinity) return room > 0;
    this.#passing = true;
    setImmediate(() => {
      this.#passed();
    });
    return true;
  }

  #passed(): void {
    this.#passing = false;
    this.check();
  }
}
