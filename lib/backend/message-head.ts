/**
 * Messages that come in two parts, so that a large byte array is copied once on each side: their first byte, or all that stands in front
 * of long byte arrays, and the rest.
 */
import type { Message, Target, TransferHandle } from './contract.js';

const ANY = new Uint8Array(0);
const IN_PLACE = new Uint8Array(0);
const WHERE_IT_LIES = new Uint8Array(0);
const NOTHING: readonly Uint8Array[] = Object.freeze([]);

/**
 * For whoever makes a value of the message: it may come without its head, or its front. What it names and nobody is going to ask for is
 * let go of only without this.
 */
export const forValue: Target = () => ANY;

/** For whoever makes it at once, before anything else is received: besides, it may come with a `length`. */
export const forValueAtOnce: Target = () => IN_PLACE;

/** For whoever makes a value of it where it lies: it comes whole, and where the channel can with its `release`. */
export const forLoan: Target = () => WHERE_IT_LIES;

export function isForLoan(into: Uint8Array | undefined): boolean {
  return into === WHERE_IT_LIES;
}

export function isForValue(into: Uint8Array | undefined): boolean {
  return into === ANY || into === IN_PLACE;
}

export function isForValueAtOnce(into: Uint8Array | undefined): boolean {
  return into === IN_PLACE;
}

/** Of a value that is written in parts (serializer.ts), of whose `rest` there is some. */
export function inParts(
  front: readonly Buffer[],
  rest: readonly Uint8Array[],
  handles: readonly TransferHandle[],
): Message {
  const [bytes = ANY, ...more] = rest;
  const [first] = front;
  const before = first !== undefined && front.length === 1 ? first : Buffer.concat(front);
  // Of numbers, and of a byte array, it is the kind alone.
  if (before.length === 1 && more.length === 0)
    return { head: before[0] as number, bytes, handles };
  return { front: before, bytes, more, handles };
}

/** In one piece, and a copy if it was in several. */
export function whole(message: Message): Message {
  const { bytes, head, front, more = NOTHING, handles } = message;
  if (front !== undefined) return { bytes: Buffer.concat([front, bytes, ...more]), handles };
  if (head === undefined) return message;
  const all = Buffer.allocUnsafe(1 + bytes.byteLength);
  all[0] = head;
  all.set(bytes, 1);
  return { bytes: all, handles };
}

export function lengthOf({ bytes, head, front, more = NOTHING, lent }: Message): number {
  if (lent !== undefined) return lent.length;
  const before = front?.byteLength ?? (head === undefined ? 0 : 1);
  return more.reduce((sum, part) => sum + part.byteLength, before + bytes.byteLength);
}
