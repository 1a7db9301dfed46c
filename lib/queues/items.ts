/** Items as messages, and back. */
import type { Front, Message, TransferHandle } from '../backend/contract.js';
import { inParts } from '../backend/message-head.js';
import type { Outgoing } from '../backend/queue-contract.js';
import { compactHead } from '../serialization/compact-writer.js';
import {
  deserializeInParts,
  deserializePart,
  joined,
  serializeLarge,
  serializeToScratch,
} from '../serialization/serializer.js';
import { Transfer, discardUntaken } from '../serialization/transfer.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/** Most items have no handles, and then the same Transfer serves the next one. Taken while in use: getters may put as well. */
let spare: Transfer | undefined;

/**
 * What to put at once: most items stand in the thread's scratch memory, where the next one will.
 * @throws SerializationError naming what cannot travel, and where it is.
 */
export function writeItem(item: unknown): Outgoing {
  const length = serializeToScratch(item, 0);
  return length > 0 ? length : writeLong(item);
}

/**
 * The same of what is not to be in the scratch memory. Long byte arrays, wherever they are in the item, are not copied: they are parts of
 * the message itself, which so is to be put at once.
 * @throws SerializationError naming what cannot travel, and where it is: `root` begins its path.
 */
export function writeLong(item: unknown, root = 'item'): Message {
  const head = compactHead(item);
  if (head !== undefined) return { head, bytes: item as Uint8Array, handles: NO_HANDLES };
  const transfer = spare ?? new Transfer();
  spare = undefined;
  const { front, rest } = serializeLarge(item, transfer, root);
  const hasHandles = transfer.handles.length > 0;
  const handles = hasHandles ? transfer.handles : NO_HANDLES;
  if (!hasHandles) spare = transfer;
  if (rest.length > 0) return inParts(front, rest, handles);
  return { bytes: joined(front, rest), handles };
}

/** The item is not in the queue: what was to travel with it is let go. */
export function discardItem(message: Outgoing): void {
  if (typeof message === 'number') return;
  if (message.handles.length > 0) discardUntaken(message.handles);
}

/** @throws SerializationError when it cannot be understood here. */
export function decodeItem(
  bytes: Buffer,
  start: number,
  end: number,
  handlesOrFront: readonly TransferHandle[] | Front,
): unknown {
  if (!Array.isArray(handlesOrFront)) {
    return deserializeInParts(handlesOrFront as Front, bytes.subarray(start, end));
  }
  const handles = handlesOrFront as readonly TransferHandle[];
  const item = deserializePart(bytes, start, end, handles);
  if (handles.length > 0) discardUntaken(handles);
  return item;
}
