import type { TransferHandle } from '../../contract.js';
import type { SharedKind, SharedKinds, SyncBackend } from '../../sync-contract.js';
import type { Reference } from '../reference.js';
import type { Router } from '../router.js';
import {
  FallbackBarrier,
  FallbackCondition,
  FallbackEvent,
  FallbackLock,
  FallbackSemaphore,
  claimed,
} from './handles.js';
import type { Made } from './words.js';

type HandleMakers = { [K in SharedKind]: (reference: Reference) => SharedKinds[K] };

const HANDLES: HandleMakers = {
  lock: (reference) => new FallbackLock(reference, 'lock'),
  rlock: (reference) => new FallbackLock(reference, 'rlock'),
  semaphore: (reference) => new FallbackSemaphore(reference, 'semaphore'),
  boundedSemaphore: (reference) => new FallbackSemaphore(reference, 'boundedSemaphore'),
  condition: (reference) => new FallbackCondition(reference, 'condition'),
  event: (reference) => new FallbackEvent(reference, 'event'),
  barrier: (reference) => new FallbackBarrier(reference, 'barrier'),
};

/** Shared objects that the broker keeps, for everybody's asynchronous use. */
export class FallbackSync implements SyncBackend {
  readonly #router: Router;

  constructor(router: Router) {
    this.#router = router;
  }

  lock(): SharedKinds['lock'] {
    return this.#make('lock');
  }

  rlock(): SharedKinds['rlock'] {
    return this.#make('rlock');
  }

  semaphore(value: number): SharedKinds['semaphore'] {
    return this.#make('semaphore', { value });
  }

  boundedSemaphore(value: number): SharedKinds['boundedSemaphore'] {
    return this.#make('boundedSemaphore', { value });
  }

  condition(): SharedKinds['condition'] {
    return this.#make('condition');
  }

  event(): SharedKinds['event'] {
    return this.#make('event');
  }

  barrier(parties: number, hasAction: boolean): SharedKinds['barrier'] {
    return this.#make('barrier', { parties, hasAction });
  }

  fromTransfer<K extends SharedKind>(
    kind: K,
    _reference: unknown,
    handle: TransferHandle | undefined,
  ): SharedKinds[K] {
    const reference = claimed(handle);
    try {
      this.#router.watchEnd();
      return HANDLES[kind](reference);
    } catch (error) {
      reference.release();
      throw error;
    }
  }

  #make<K extends SharedKind>(kind: K, more: Partial<Made> = {}): SharedKinds[K] {
    this.#router.watchEnd();
    const made = { kind, value: 0, parties: 0, hasAction: false, ...more };
    return HANDLES[kind](this.#router.ends.openObject(made));
  }
}
