import type { TransferHandle } from '../contract.js';
import type { NativeName, NativeReference, NativeSync } from './sync-addon.js';

/** Recalls what was neither sent nor discarded. */
let forgotten: FinalizationRegistry<() => void> | undefined;

/** Holds an object until the message that names it is sent: with that its reference departs. Nothing travels beside the message. */
export class ReferenceOnItsWay implements TransferHandle {
  readonly arrives = false;
  readonly #native: NativeSync;
  readonly #name: NativeName;
  readonly #handle: number;
  /** Whoever has the handle open, which is dropped when that is collected. */
  #owner: object | undefined;
  #departed: NativeReference | undefined;

  constructor(native: NativeSync, name: NativeName, handle: number, owner: object) {
    this.#native = native;
    this.#name = name;
    this.#handle = handle;
    this.#owner = owner;
  }

  /** What a message in shared memory carries. Undefined when it has been sent or discarded. */
  get reference(): NativeName | undefined {
    return this.#owner === undefined ? undefined : this.#name;
  }

  /** For a message elsewhere: it is on its way from here on, until it is opened or discarded. */
  depart(): void {
    if (this.#owner === undefined || this.#departed !== undefined) return;
    const native = this.#native;
    const departed = (this.#departed = native.depart(this.#handle));
    forgotten ??= new FinalizationRegistry((recall) => {
      recall();
    });
    forgotten.register(this, () => native.recall(departed), this);
  }

  /** From here on it is the receiver's affair. */
  sent(): void {
    this.#owner = undefined;
    this.#departed = undefined;
    forgotten?.unregister(this);
  }

  discard(): void {
    if (this.#departed) this.#native.recall(this.#departed);
    this.sent();
  }
}
