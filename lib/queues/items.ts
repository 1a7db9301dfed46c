/** Items as messages, and back. */
import type { Message, TransferHandle } from '../backend/contract.js';
import type { Outgoing } from '../backend/queue-contract.js';
import { readInTwo } from '../serialization/compact-reader.js';
import { compactHead } from '../serialization/compact-writer.js';
import { deserializePart, serialize, serializeToScratch } from '../serialization/serializer.js';
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
 * The same of what is not to be in the scratch memory. A long byte array is not copied: it stands in the message itself, which so
 * is to be put at once.
 * @throws SerializationError: `root` begins its path.
 */
export function writeLong(item: unknown, root = 'item'): Message {
  const head = compactHead(item);
  if (head === undefined) return encodeItem(item, root);
  return { head, bytes: item as Uint8Array, handles: NO_HANDLES };
}

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
export function discardItem(message: Outgoing): void {
  if (typeof message === 'number') return;
  if (message.handles.length > 0) discardUntaken(message.handles);
}

/** @throws SerializationError when it cannot be understood here. */
export function decodeItem(
  bytes: Buffer,
  start: number,
  end: number,
  handlesOrHead: readonly TransferHandle[] | number,
): unknown {
  if (typeof handlesOrHead === 'number') {
    return readInTwo(handlesOrHead, bytes.subarray(start, end));
  }
  const item = deserializePart(bytes, start, end, handlesOrHead);
  if (handlesOrHead.length > 0) discardUntaken(handlesOrHead);
  return item;
}
