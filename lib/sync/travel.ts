/** How the objects of this room get to other processes: the shared object stays where it is, and the receiver opens it. */
import type { TransferHandle } from '../backend/contract.js';
import type { SharedHandle, SharedKind, SharedKinds } from '../backend/sync-contract.js';
import { takeHandle, type Transfer } from '../serialization/transfer.js';
import { syncBackend } from './backend.js';

export interface Shared {
  reference: unknown;
  /** Where the handle is among those that arrive with the message; undefined where none does. */
  handle: number | undefined;
}

export function sendShared(shared: SharedHandle, transfer: Transfer): Shared {
  const { reference, handle } = shared.toTransfer();
  return { reference, handle: handle && transfer.add(handle) };
}

/** @throws SerializationError when the message does not hold what it says. */
export function openShared<K extends SharedKind>(
  kind: K,
  { reference, handle }: Shared,
  handles: readonly TransferHandle[],
): SharedKinds[K] {
  const carried = handle === undefined ? undefined : takeHandle(handles, handle);
  return syncBackend().fromTransfer(kind, reference, carried);
}
