/** Values as the messages of a connection, and back. */
import type { Message, Outgoing, TransferHandle } from '../backend/contract.js';
import { asBuffer } from '../base/bytes.js';
import { scratch } from '../base/scratch.js';
import { readCompactInTwo } from '../serialization/compact-reader.js';
import { compactHead } from '../serialization/compact-writer.js';
import {
  deserialize,
  deserializePart,
  isCompact,
  joined,
  serializeLarge,
  serializeToScratch,
} from '../serialization/serializer.js';
import { Transfer, discardUntaken } from '../serialization/transfer.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/**
 * A small plain value stands in the scratch memory, which the next one is written to: for who copies it at once, or see `outOfScratch`.
 * `takesHead` is the channel's. @throws SerializationError
 */
export function encode(value: unknown, takesHead: boolean): Outgoing {
  const head = takesHead ? compactHead(value) : undefined;
  if (head !== undefined) return { head, bytes: value as Uint8Array, handles: NO_HANDLES };
  const length = serializeToScratch(value, 0);
  if (length > 0) return length;
  const transfer = new Transfer();
  const { front, rest } = serializeLarge(value, transfer);
  const { handles } = transfer;
  const [bytes, ...more] = rest;
  if (bytes === undefined || handles.length > 0 || !takesHead) {
    return { bytes: joined(front, rest), handles };
  }
  const before = joined(front, []);
  // Of numbers it is the kind alone.
  if (before.length === 1) return { head: before[0] as number, bytes, handles };
  return { front: before, bytes, more, handles };
}

/** A message of its own, whatever is written there next. */
export function outOfScratch(length: number): Message {
  return { bytes: Buffer.from(scratch.bytes.subarray(0, length)), handles: NO_HANDLES };
}

/** @throws SerializationError when it cannot be understood here. */
export function decode({ bytes, handles, head, front, length }: Message): unknown {
  if (length !== undefined) return decodeAtOnce(bytes as Buffer, length, handles);
  if (head !== undefined) return readCompactInTwo(head, bytes);
  if (front !== undefined) return deserialize(front, handles, { owned: true, rest: bytes });
  const value = deserialize(bytes, handles, { owned: true });
  if (handles.length > 0) discardUntaken(handles);
  return value;
}

/** What is not compact may call the program's code, which may receive something else meanwhile. */
function decodeAtOnce(bytes: Buffer, length: number, handles: readonly TransferHandle[]): unknown {
  if (isCompact(bytes)) return deserializePart(bytes, 0, length, handles);
  return deserialize(Buffer.from(bytes.subarray(0, length)), handles, { owned: true });
}

/** Handles that came along with what is asked for as bytes are nobody's. */
export function plainBytes({ bytes, handles }: Message): Buffer {
  if (handles.length > 0) discardUntaken(handles);
  return asBuffer(bytes);
}
