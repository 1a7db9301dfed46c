import type { Deadline } from '../base/deadline.js';
import type { RunningChild } from './running-child.js';

/** Becomes ready when its process ends, and stays so, also after the process object was closed. `wait()` accepts it. */
export class Sentinel {
  readonly #child: RunningChild;

  constructor(child: RunningChild) {
    this.#child = child;
  }

  get ready(): boolean {
    return this.#child.check() !== undefined;
  }

  /**
   * For `wait()`: tells when ready, soon when it is already. Returns what takes the listener back. The caller keeps the loop alive.
   * @internal
   */
  onReady(listener: () => void): () => void {
    return this.#child.onEnd(listener);
  }

  /**
   * For `waitSync()`.
   * @internal
   */
  waitSync(deadline: Deadline): boolean {
    return this.#child.waitSync(deadline) !== undefined;
  }
}
