import { READINESS, type HasReadiness, type Readiness } from '../base/readiness.js';
import type { RunningChild } from './running-child.js';

/** Becomes ready when its process ends, and stays so, also after the process object was closed. `wait()` accepts it. */
export class Sentinel implements HasReadiness {
  readonly #child: RunningChild;
  readonly #checkMine: () => void;

  /** `checkMine` throws in a process that has only inherited it. */
  constructor(child: RunningChild, checkMine: () => void) {
    this.#child = child;
    this.#checkMine = checkMine;
  }

  /** Has the process ended? Looked up now; never waits. @throws StateError for the child of another process. */
  get ready(): boolean {
    this.#checkMine();
    return this.#child.hasEnded();
  }

  /**
   * Tells when ready, soon when it is already. Returns what takes the listener back. The caller keeps the loop alive.
   * @internal
   */
  onReady(listener: () => void): () => void {
    this.#checkMine();
    return this.#child.onEnd(listener);
  }

  /** For `wait()` and `waitSync()`. */
  [READINESS](): Readiness {
    this.#checkMine();
    const child = this.#child;
    return {
      look: () => child.hasEnded(),
      wait: async (wait) => (await child.wait(wait)) !== undefined,
      arm: () => child.polled(),
    };
  }
}
