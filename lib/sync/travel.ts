/** The receiving side of how the objects of this room get to other processes. */
import type { TransferHandle } from '../backend/contract.js';
import type { SharedKind, SharedKinds } from '../backend/sync-contract.js';
import { carriedWith, type Shared } from '../serialization/travel.js';
import { syncBackend } from './backend.js';

export { sendShared, type Shared } from '../serialization/travel.js';

/** @throws SerializationError when the message does not hold what it says. */
export function openShared<K extends SharedKind>(
  kind: K,
  shared: Shared,
  handles: readonly TransferHandle[],
): SharedKinds[K] {
  return syncBackend().fromTransfer(kind, shared.reference, carriedWith(shared, handles));
}
