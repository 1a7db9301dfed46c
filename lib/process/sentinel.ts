import { READINESS, type HasReadiness, type Readiness } from '../base/readiness.js';
import type { RunningChild } from './running-child.js';

/** Becomes ready when its process ends, and stays so, also after the process object was closed. `wait()` accepts it. */
export class Sentinel implements HasReadiness {
  readonly #child: RunningChild;

  constructor(child: RunningChild) {
    this.#child = child;
  }

  /** Has the process ended? Looked up now; never waits. */
  get ready(): boolean {
    return this.#child.hasEnded();
  }

  /**
   * Tells when ready, soon when it is already. Returns what takes the listener back. The caller keeps the loop alive.
   * @internal
   */
  onReady(listener: () => void): () => void {
    return this.#child.onEnd(listener);
  }

  /** For `wait()` and `waitSync()`. */
  [READINESS](): Readiness {
    const child = this.#child;
    return {
      look: () => child.hasEnded(),
      wait: async (wait) => (await child.wait(wait)) !== undefined,
      arm: () => child.polled(),
    };
  }
}
