import type { TransferHandle } from '../backend/contract.js';
import type { QueueHandle } from '../backend/queue-contract.js';
import { SerializationError } from '../errors.js';
import { carriedWith, type Shared } from '../serialization/travel.js';
import { queueBackend } from './backend.js';

/** A queue that is there already: it has arrived from another process. @internal */
export class ArrivedQueue {
  readonly handle: QueueHandle;

  constructor(handle: QueueHandle) {
    this.handle = handle;
  }
}

/** @throws SerializationError when the message does not hold what it says. */
export function openQueue(
  shared: Shared,
  handles: readonly TransferHandle[],
  joinable: boolean,
): ArrivedQueue {
  const handle = queueBackend().fromTransfer(shared.reference, carriedWith(shared, handles));
  if ((handle.shape.onConsumerDied !== undefined) === joinable) return new ArrivedQueue(handle);
  throw new SerializationError('the message names a queue of another kind than it is', 'message');
}
