import type { Answer } from '../sync-addon.js';
import type { Core } from '../sync/handle.js';

/** Waits for one event of one end in the event loop, again and again while it is on. */
export class EventWatch {
  readonly #core: Core;
  readonly #begin: () => Answer;
  readonly #onEvent: () => void;
  #on = false;
  /** The number of the wait. */
  #wait = 0;
  #immediate: NodeJS.Immediate | undefined;

  constructor(core: Core, begin: () => Answer, onEvent: () => void) {
    this.#core = core;
    this.#begin = begin;
    this.#onEvent = onEvent;
  }

  set(on: boolean): void {
    if (on === this.#on) return;
    if (on) this.#arm();
    else this.#disarm();
    // Not before: there may be no descriptor to wait with.
    this.#on = on;
  }

  /** What is waited for has changed. */
  renew(): void {
    if (!this.#on) return;
    this.#disarm();
    this.#arm();
  }

  /** They are the parent's, which has them still. */
  forget(): void {
    this.#on = false;
    this.#wait = 0;
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }

  #arm(): void {
    const begun = this.#begin();
    if (begun !== undefined && begun < 0) {
      this.#wait = -begun;
      this.#core.waits.call(this.#wait, this, () => {
        this.#wait = 0;
        this.#happened();
      });
      return;
    }
    // It has happened already: told from the event loop all the same.
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined;
      this.#happened();
    });
  }

  #happened(): void {
    try {
      this.#onEvent();
    } finally {
      if (this.#on && this.#wait === 0 && this.#immediate === undefined) this.#arm();
    }
  }

  #disarm(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    if (this.#wait > 0) this.#core.waits.cancel(this.#wait);
    this.#wait = 0;
  }
}
