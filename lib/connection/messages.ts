/** Values as the messages of a connection, and back. */
import type { Message, Outgoing, TransferHandle } from '../backend/contract.js';
import { inParts } from '../backend/message-head.js';
import { asBuffer } from '../base/bytes.js';
import { loanedCopy, loanedInPlace, type LoanedItem } from '../loans/loaned-item.js';
import { scratch } from '../base/scratch.js';
import { compactHead } from '../serialization/compact-writer.js';
import {
  deserialize,
  deserializeInParts,
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
  if (rest.length > 0 && handles.length === 0 && takesHead) return inParts(front, rest, handles);
  return { bytes: joined(front, rest), handles };
}

/** A message of its own, whatever is written there next. */
export function outOfScratch(length: number): Message {
  return { bytes: Buffer.from(scratch.bytes.subarray(0, length)), handles: NO_HANDLES };
}

/** @throws SerializationError when it cannot be understood here. */
export function decode({ bytes, handles, head, front, length }: Message): unknown {
  if (length !== undefined) return decodeAtOnce(bytes as Buffer, length, handles);
  const before = head ?? front;
  if (before !== undefined) return deserializeInParts(before, bytes);
  const value = deserialize(bytes, handles, { owned: true });
  if (handles.length > 0) discardUntaken(handles);
  return value;
}

/** The same of one that was received `forLoan`. */
export function decodeLoaned(message: Message): LoanedItem {
  const { bytes, release } = message;
  if (release === undefined) return loanedCopy(decode(message));
  return loanedInPlace({ bytes: asBuffer(bytes), release }, (within) => deserialize(within));
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
