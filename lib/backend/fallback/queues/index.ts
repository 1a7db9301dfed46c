import type { TransferHandle } from '../../contract.js';
import type { QueueBackend, QueueHandle, QueueShape } from '../../queue-contract.js';
import type { Router } from '../router.js';
import { claimed } from '../sync/handles.js';
import { FallbackQueue } from './handle.js';

/** Queues that the broker keeps. */
export class FallbackQueues implements QueueBackend {
  readonly #router: Router;

  constructor(router: Router) {
    this.#router = router;
  }

  create(shape: QueueShape): QueueHandle {
    this.#router.watchEnd();
    const made = { kind: 'queue', value: 0, parties: 0, hasAction: false, shape } as const;
    return new FallbackQueue(this.#router.ends.openObject(made));
  }

  fromTransfer(_reference: unknown, handle: TransferHandle | undefined): QueueHandle {
    const reference = claimed(handle);
    try {
      this.#router.watchEnd();
      return new FallbackQueue(reference);
    } catch (error) {
      reference.release();
      throw error;
    }
  }
}
