import { readSync, writeSync } from 'node:fs';
import { READABLE } from '../../../base/readiness.js';
import type { Addon } from '../../addon.js';
import { systemError } from '../../system-error.js';
import type { Answer } from '../sync-addon.js';
import type { Core } from '../sync/handle.js';

const RING = new Uint8Array(1);

/** What a bell needs of the end that it belongs to. */
export interface BellOwner {
  /** Begins a wait for input that keeps no event loop alive. */
  readonly begin: () => Answer;
  readonly readable: () => boolean;
}

/**
 * A descriptor that can be read from while there is input: a pipe of this process with a byte in it. The byte is put in by the event
 * loop, and taken out with the last message. Begins with the first update.
 */
export class InputBell {
  readonly #addon: Addon;
  readonly #core: Core;
  readonly #owner: BellOwner;
  readonly #reader: number;
  readonly #writer: number;
  /** The number of the wait. */
  #wait = 0;
  #rung = false;

  constructor(addon: Addon, core: Core, owner: BellOwner) {
    this.#addon = addon;
    this.#core = core;
    this.#owner = owner;
    try {
      [this.#reader, this.#writer] = addon.pipe();
    } catch (error) {
      throw systemError('no descriptor could be made', error);
    }
  }

  get fd(): number {
    return this.#reader;
  }

  /** After every look that may have changed what is there. */
  update(): void {
    if (this.#rung && !this.#owner.readable()) this.#silence();
    if (this.#rung || this.#wait > 0) return;
    const begun = this.#owner.begin();
    if (begun === undefined || begun >= 0) {
      this.#ring();
      return;
    }
    this.#wait = -begun;
    this.#core.waits.call(this.#wait, this, () => {
      this.#wait = 0;
      this.#ring();
    });
  }

  #ring(): void {
    this.#rung = true;
    writeSync(this.#writer, RING);
  }

  #silence(): void {
    this.#rung = false;
    // Somebody who has the descriptor may have read it.
    if (this.#addon.pollDescriptors([this.#reader], [READABLE], 0)) readSync(this.#reader, RING);
  }

  /** In a forked child the wait is the parent's, and so is the byte. */
  afterFork(): void {
    this.#wait = 0;
    this.close();
  }

  close(): void {
    if (this.#wait > 0) this.#core.waits.cancel(this.#wait);
    for (const fd of [this.#reader, this.#writer]) this.#addon.closeFd(fd);
  }
}
