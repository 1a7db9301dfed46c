/** Queues in memory that processes share. */
import { SerializationError } from '../../../errors.js';
import type { QueueBackend, QueueShape } from '../../queue-contract.js';
import { noRoom } from '../no-room.js';
import { NativeKind, type NativeSync } from '../sync-addon.js';
import { coreOf } from '../sync/handle.js';
import { arrive } from '../sync/reference.js';
import { NativeQueue, ON_CONSUMER_DIED, type QueueCore } from './handle.js';
import { IdleMemory } from './idle-memory.js';
import { inboxOf } from './inbox.js';

export function createNativeQueues(native: NativeSync): QueueBackend {
  const core: QueueCore = {
    ...coreOf(native),
    inbox: inboxOf(native),
    memory: new IdleMemory(native),
  };

  function make({ maxSize, maxBytes, onConsumerDied }: QueueShape): number {
    try {
      return native.queueMake(maxSize, maxBytes, ON_CONSUMER_DIED.indexOf(onConsumerDied));
    } catch (error) {
      throw noRoom('no queue could be made', error);
    }
  }

  return {
    create: (shape) => new NativeQueue(core, make(shape)),
    fromTransfer: (reference) => {
      if (Array.isArray(reference) && reference[2] !== NativeKind.Queue) {
        throw new SerializationError('what names this queue is no reference', 'message');
      }
      return new NativeQueue(core, arrive(native, 'queue', reference));
    },
  };
}
