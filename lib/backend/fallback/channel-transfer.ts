import { StateError } from '../../errors.js';
import type { TransferHandle } from '../contract.js';
import type { LocalEnd } from './local-end.js';
import type { Reference } from './reference.js';

/** An end of a channel on its way to another process, or just arrived from one. */
export class ChannelTransfer implements TransferHandle {
  #reference: Reference | undefined;

  constructor(reference: Reference) {
    this.#reference = reference.boundTo(this);
  }

  /** Consumes it: what it held is the caller's now. */
  claim(): Reference {
    const reference = this.#reference;
    if (reference === undefined) {
      throw new StateError('the handle has been sent, used or discarded before');
    }
    this.#reference = undefined;
    return reference.unbind();
  }

  /** What it names, while it is neither sent nor used. */
  get end(): LocalEnd {
    if (this.#reference !== undefined) return this.#reference.end;
    throw new StateError('the handle has been sent, used or discarded before');
  }

  get consumed(): boolean {
    return this.#reference === undefined;
  }

  discard(): void {
    this.#reference?.release();
    this.#reference = undefined;
  }
}
