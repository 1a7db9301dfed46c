import { AfterForkOrder, resetAfterFork } from '../../../base/after-fork.js';
import type { NativeSync } from '../sync-addon.js';

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/**
 * Gives back the memory of messages that were put and are gone, when this thread has not put any for a while. Until then it
 * is kept for the next ones.
 */
export class IdleMemory {
  readonly #native: NativeSync;
  #puts = 0;
  #armed = false;

  constructor(native: NativeSync) {
    this.#native = native;
    resetAfterFork(AfterForkOrder.Handles, (occasion) => {
      // A clean child has no timers of its parent's.
      if (occasion === 'clean') this.#armed = false;
    });
  }

  put(): void {
    this.#puts += 1;
    if (!this.#armed) this.#arm(FIRST_MS);
  }

  #arm(delayMs: number): void {
    const before = this.#puts;
    this.#armed = true;
    // It keeps no program alive.
    setTimeout(() => {
      if (this.#puts !== before) this.#arm(FIRST_MS);
      else if (this.#native.queueTrim() > 0) this.#arm(Math.min(2 * delayMs, LONGEST_MS));
      else this.#armed = false;
    }, delayMs).unref();
  }
}
