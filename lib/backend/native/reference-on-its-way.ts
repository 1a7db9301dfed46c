import type { TransferHandle } from '../contract.js';
import type { NativeReference, NativeSync } from './sync-addon.js';

/** Takes back what was neither sent nor discarded. */
let forgotten: FinalizationRegistry<() => void> | undefined;

/** Keeps an object alive until its reference has arrived. Nothing of it travels beside the message. */
export class ReferenceOnItsWay implements TransferHandle {
  readonly arrives = false;
  readonly #native: NativeSync;
  #reference: NativeReference | undefined;

  constructor(native: NativeSync, reference: NativeReference) {
    this.#native = native;
    this.#reference = reference;
    forgotten ??= new FinalizationRegistry((recall) => {
      recall();
    });
    forgotten.register(this, () => native.recall(reference), this);
  }

  /** What is sent; undefined when it has been, or was discarded. */
  get reference(): NativeReference | undefined {
    return this.#reference;
  }

  /** From here on it is the receiver's affair. */
  sent(): void {
    this.#take();
  }

  discard(): void {
    const reference = this.#take();
    if (reference) this.#native.recall(reference);
  }

  #take(): NativeReference | undefined {
    const reference = this.#reference;
    this.#reference = undefined;
    forgotten?.unregister(this);
    return reference;
  }
}
