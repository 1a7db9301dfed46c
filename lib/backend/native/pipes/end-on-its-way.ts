import type { TransferHandle } from '../../contract.js';
import type { ReferenceOnItsWay } from '../reference-on-its-way.js';
import type { NativeReference, NativeSync } from '../sync-addon.js';

/** What a message names instead of taking it along. */
export type Named = EndOnItsWay | ReferenceOnItsWay;

/** Lets go of what was neither sent nor used nor discarded. */
let forgotten: FinalizationRegistry<() => void> | undefined;

/**
 * Holds an end of a pipe open for a message: before it is sent, and in the receiver until the message has been understood. What is
 * left of it otherwise is closed, also by the death of whoever has it.
 */
export class EndOnItsWay implements TransferHandle {
  readonly name: string;
  readonly #native: NativeSync;
  #handle: number | undefined;
  #departed: NativeReference | undefined;

  /** Takes over the handle. */
  constructor(native: NativeSync, handle: number, name: string) {
    this.name = name;
    this.#native = native;
    this.#handle = handle;
    forgotten ??= new FinalizationRegistry((drop) => {
      drop();
    });
    forgotten.register(this, () => native.drop(handle), this);
  }

  /** What a message in shared memory carries: it departs with it. Undefined when it has been sent or discarded. */
  get reference(): readonly [offset: number, generation: number] | undefined {
    return this.#handle === undefined ? undefined : this.#native.pipeName(this.#handle);
  }

  /** For a message elsewhere: it is on its way from here on, until it is opened or discarded. */
  depart(): void {
    const native = this.#native;
    const handle = this.#handle;
    if (handle === undefined || this.#departed !== undefined) return;
    const departed = (this.#departed = native.depart(handle));
    forgotten?.unregister(this);
    forgotten?.register(
      this,
      () => {
        native.recall(departed);
        native.drop(handle);
      },
      this,
    );
  }

  /** From here on it is the receiver's affair. */
  sent(): void {
    this.#departed = undefined;
    this.discard();
  }

  /** The handle becomes the caller's; undefined when there is none any more. */
  take(): number | undefined {
    const handle = this.#handle;
    this.#handle = undefined;
    forgotten?.unregister(this);
    return handle;
  }

  discard(): void {
    if (this.#departed) this.#native.recall(this.#departed);
    this.#departed = undefined;
    const handle = this.take();
    if (handle !== undefined) this.#native.drop(handle);
  }
}

/** Whoever dies with the message unread leaves them open for good. */
export function departAll(objects: readonly Named[]): void {
  for (const object of objects) object.depart();
}
