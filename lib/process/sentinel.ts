import type { Deadline } from '../base/deadline.js';
import type { Wait } from '../base/options.js';
import { READINESS, type Waitable } from '../base/readiness.js';
import type { RunningChild } from './running-child.js';

/** Becomes ready when its process ends, and stays so, also after the process object was closed. `wait()` accepts it. */
export class Sentinel implements Waitable {
  readonly #child: RunningChild;

  constructor(child: RunningChild) {
    this.#child = child;
  }

  get ready(): boolean {
    return this.#child.check() !== undefined;
  }

  /**
   * Tells when ready, soon when it is already. Returns what takes the listener back. The caller keeps the loop alive.
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

  /** @internal For `wait()`. Keeps the loop alive. */
  async [READINESS](wait: Wait): Promise<boolean> {
    return (await this.#child.wait(wait)) !== undefined;
  }
}
