/** How objects that are shared get to other processes: the object stays where it is, and the receiver opens it. */
import type { TransferHandle } from '../backend/contract.js';
import type { SharedHandle } from '../backend/sync-contract.js';
import { takeHandle, type Transfer } from './transfer.js';

/** What a message holds of a shared object. */
export interface Shared {
  reference: unknown;
  /** Where the handle is among those that arrive with the message; undefined where none does. */
  handle: number | undefined;
}

export function sendShared(shared: SharedHandle, transfer: Transfer): Shared {
  const { reference, handle } = shared.toTransfer();
  return { reference, handle: handle && transfer.add(handle) };
}

/** The handle that came with it, if one did. @throws SerializationError when the message does not hold what it says. */
export function carriedWith(
  { handle }: Shared,
  handles: readonly TransferHandle[],
): TransferHandle | undefined {
  return handle === undefined ? undefined : takeHandle(handles, handle);
}
