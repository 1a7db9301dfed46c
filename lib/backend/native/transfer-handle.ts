import { invalidType } from '../../base/options.js';
import { StateError } from '../../errors.js';
import type { Addon } from '../addon.js';
import type { TransferHandle } from '../contract.js';

/** Closes the descriptors of handles that were neither sent nor used nor discarded. */
let forgotten: FinalizationRegistry<() => void> | undefined;

/** A descriptor on its way to another process. */
export class NativeTransferHandle implements TransferHandle {
  readonly #addon: Addon;
  #fd: number;

  constructor(addon: Addon, fd: number) {
    this.#addon = addon;
    this.#fd = fd;
    forgotten ??= new FinalizationRegistry((close) => {
      close();
    });
    forgotten.register(this, () => addon.closeFd(fd), this);
  }

  /** The handle behind the contract's opaque type. */
  static of(handle: TransferHandle): NativeTransferHandle {
    if (handle instanceof NativeTransferHandle) return handle;
    throw invalidType('handle', 'a handle of the native backend', handle);
  }

  get fd(): number {
    if (this.#fd < 0) {
      throw new StateError('the handle has been sent, used or discarded before');
    }
    return this.#fd;
  }

  /** The descriptor becomes the caller's. */
  take(): number {
    const fd = this.fd;
    this.#fd = -1;
    forgotten?.unregister(this);
    return fd;
  }

  discard(): void {
    if (this.#fd >= 0) this.#addon.closeFd(this.take());
  }
}
