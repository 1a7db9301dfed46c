/** Locks and their kin in memory that processes share. */
import type { TransferHandle } from '../../contract.js';
import {
  MAX_PERMITS,
  type SharedKind,
  type SharedKinds,
  type SyncBackend,
} from '../../sync-contract.js';
import { NativeKind, type NativeSync } from '../sync-addon.js';
import { noRoom } from '../no-room.js';
import { coreOf, type Core, type NativeHandle } from './handle.js';
import { NativeLock, NativeRLock } from './locks.js';
import { NativeBarrier, NativeCondition, NativeEvent, NativeSemaphore } from './others.js';
import { arrive } from './reference.js';

/** More permits are not told apart: who has one is not known, only how many there are. */
const MOST_OWNED_PERMITS = 1024;

type HandleClass<K extends SharedKind> = new (
  core: Core,
  kind: SharedKind,
  id: number,
) => NativeHandle & SharedKinds[K];

const CLASSES: { readonly [K in SharedKind]: HandleClass<K> } = {
  lock: NativeLock,
  rlock: NativeRLock,
  semaphore: NativeSemaphore,
  boundedSemaphore: NativeSemaphore,
  condition: NativeCondition,
  event: NativeEvent,
  barrier: NativeBarrier,
};

export function createNativeSync(native: NativeSync): SyncBackend {
  const core = coreOf(native);

  function make<K extends SharedKind>(
    kind: K,
    nativeKind: NativeKind,
    first = 0,
    second = 0,
  ): SharedKinds[K] {
    let id: number;
    try {
      id = native.make(nativeKind, first, second);
    } catch (error) {
      throw noRoom(`no ${kind} could be made`, error);
    }
    return new CLASSES[kind](core, kind, id);
  }

  return {
    lock: () => make('lock', NativeKind.Lock),
    rlock: () => make('rlock', NativeKind.Lock),
    semaphore: (value) => make('semaphore', NativeKind.Semaphore, value, MAX_PERMITS),
    boundedSemaphore: (value) =>
      value <= MOST_OWNED_PERMITS
        ? make('boundedSemaphore', NativeKind.BoundedSemaphore, value)
        : make('boundedSemaphore', NativeKind.Semaphore, value, value),
    condition: () => make('condition', NativeKind.Condition),
    event: () => make('event', NativeKind.Event),
    barrier: (parties, hasAction) =>
      make('barrier', NativeKind.Barrier, parties, Number(hasAction)),
    fromTransfer<K extends SharedKind>(
      kind: K,
      reference: unknown,
      _handle: TransferHandle | undefined,
    ): SharedKinds[K] {
      return new CLASSES[kind](core, kind, arrive(native, kind, reference));
    },
  };
}
