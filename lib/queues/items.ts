/** Items as messages, and back. */
import type { Message, TransferHandle } from '../backend/contract.js';
import { deserialize, serialize } from '../serialization/serializer.js';
import { Transfer, discardUntaken } from '../serialization/transfer.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/** Most items have no handles, and then the same Transfer serves the next one. Taken while in use: getters may put as well. */
let spare: Transfer | undefined;

/**
 * The item's message, which holds all of it: what is changed later is not in it.
 * @throws SerializationError naming what cannot travel, and where it is: `root` begins its path.
 */
export function encodeItem(item: unknown, root = 'item'): Message {
  const transfer = spare ?? new Transfer();
  spare = undefined;
  const bytes = serialize(item, transfer, root);
  if (transfer.handles.length > 0) return { bytes, handles: transfer.handles };
  spare = transfer;
  return { bytes, handles: NO_HANDLES };
}

/** The item is not in the queue: what was to travel with it is let go. */
export function discardItem({ handles }: Message): void {
  if (handles.length > 0) discardUntaken(handles);
}

/** @throws SerializationError when it cannot be understood here. */
export function decodeItem({ bytes, handles }: Message): unknown {
  const item = deserialize(bytes, handles);
  if (handles.length > 0) discardUntaken(handles);
  return item;
}
