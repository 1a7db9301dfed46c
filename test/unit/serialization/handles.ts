// A stand-in for the package's handle classes: each instance holds one transfer handle that notes when it is released.
import type { TransferHandle } from '../../../lib/backend/contract.js';
import { refuseClone, registerHandleReducer } from '../../../lib/serialization/reducers.js';
import { takeHandle } from '../../../lib/serialization/transfer.js';

export class NotedHandle implements TransferHandle {
  discards = 0;

  discard(): void {
    this.discards += 1;
  }
}

export class Lamp {
  readonly #handle: TransferHandle;
  readonly label: string;

  constructor(label: string, handle: TransferHandle = new NotedHandle()) {
    this.label = label;
    this.#handle = handle;
    refuseClone(this, 'Lamp');
  }

  get handle(): TransferHandle {
    return this.#handle;
  }
}

/** A subclass without a reducer of its own. */
export class BrightLamp extends Lamp {}

registerHandleReducer('Lamp', Lamp, {
  reduce: (lamp: Lamp, transfer) => ({ label: lamp.label, handle: transfer.add(lamp.handle) }),
  rebuild: ({ label, handle }: { label: string; handle: number }, handles) =>
    new Lamp(label, takeHandle(handles, handle)),
});
