/** Reads the compact format. */
import { ITEM_HEAD_BYTES } from '../backend/loan-contract.js';
import { damaged } from './clone-stream.js';
import { Kind, MOST_DEPTH, SHORT_TEXT } from './compact-format.js';
import { copyOf } from './copy-of.js';
import { readPrimitives } from './primitive-array.js';

/** Answer of `readCompact` that the bytes are something else. */
export const NOT_COMPACT = Symbol('not compact');

/** Where the reader is, and where the message ends. No user code runs meanwhile. */
let cursor = 0;
let limit = 0;

/**
 * The value that stands in `bytes` from `start` to `end`, or NOT_COMPACT. Byte arrays are copies, except that a Buffer may stay
 * inside a message given away (`owned`). @throws SerializationError for what `writeCompact` has not written.
 */
export function readCompact(bytes: Buffer, start: number, end: number, owned: boolean): unknown {
  if (start >= end) return NOT_COMPACT;
  const kind = bytes[start] as number;
  switch (kind) {
    case Kind.Text:
      return readText(bytes, start + 1, end - start - 1);
    case Kind.Buffer: {
      const inside = bytes.subarray(start + 1, end);
      return owned ? inside : Buffer.from(inside);
    }
    case Kind.Bytes:
      return copyOf(new Uint8Array(bytes.buffer, bytes.byteOffset + start + 1, end - start - 1));
    case Kind.Int32s:
    case Kind.Doubles:
    case Kind.Oddballs:
      return readPrimitives(kind, bytes, start + 1, end);
    case Kind.Plain:
      return readWhole(bytes, start + 1, end);
    case Kind.AlignedBytes: {
      const aligned = alignedBytes(bytes, start, end);
      return aligned ? copyOf(aligned) : NOT_COMPACT;
    }
    default:
      return isPrimitive(kind) ? readWhole(bytes, start, end) : NOT_COMPACT;
  }
}

/** So many bytes in front of AlignedBytes, the kind included. */
const ALIGNED_HEAD = ITEM_HEAD_BYTES;

/** The byte array that a whole message is, where it stands in it; undefined for another value. */
export function bytesWithin(message: Buffer): Uint8Array | undefined {
  const kind = message[0];
  if (kind === Kind.AlignedBytes) return alignedBytes(message, 0, message.length);
  if (kind === Kind.Buffer) return message.subarray(1);
  if (kind !== Kind.Bytes) return undefined;
  return new Uint8Array(message.buffer, message.byteOffset + 1, message.length - 1);
}

/** Undefined for what has been cut short. */
function alignedBytes(bytes: Buffer, start: number, end: number): Uint8Array | undefined {
  const length = end - start - ALIGNED_HEAD;
  if (length < 0) return undefined;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start + ALIGNED_HEAD, length);
}

/** AlignedBytes behind their head, which are given away; undefined behind another front. */
export function alignedInTwo(front: Buffer, rest: Uint8Array): Uint8Array | undefined {
  if (front[0] !== Kind.AlignedBytes || front.length !== ALIGNED_HEAD) return undefined;
  return new Uint8Array(rest.buffer, rest.byteOffset, rest.length);
}

/** What `compactHead` or `compactInTwo` has taken apart. The bytes are given away. @throws SerializationError for another kind. */
export function readCompactInTwo(kind: number, bytes: Uint8Array): unknown {
  if (kind !== Kind.Int32s && kind !== Kind.Doubles && kind !== Kind.Oddballs)
    return bytesInTwo(kind, bytes);
  const { buffer, byteOffset, length } = bytes;
  return readPrimitives(kind, Buffer.from(buffer as ArrayBuffer, byteOffset, length), 0, length);
}

/** @throws SerializationError for another head. */
function bytesInTwo(head: number, bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = bytes;
  if (head === Kind.Buffer) return Buffer.from(buffer as ArrayBuffer, byteOffset, length);
  if (head === Kind.Bytes) return new Uint8Array(buffer, byteOffset, length);
  throw damaged(`${String(head)} is no kind of byte array`);
}

function isPrimitive(kind: number): boolean {
  return (kind >= Kind.Undefined && kind <= Kind.Double) || kind === Kind.Int32;
}

function readWhole(bytes: Buffer, start: number, end: number): unknown {
  cursor = start;
  limit = end;
  const value = readValue(bytes, 0);
  if (cursor !== limit) throw damaged('it is longer than its value');
  return value;
}

function readValue(bytes: Buffer, depth: number): unknown {
  const at = advance(1);
  switch (bytes[at] ?? 0) {
    case Kind.Undefined:
      return undefined;
    case Kind.Null:
      return null;
    case Kind.True:
      return true;
    case Kind.False:
      return false;
    case Kind.Double:
      return bytes.readDoubleLE(advance(8));
    case Kind.Int32:
      return bytes.readInt32LE(advance(4));
    case Kind.ShortText: {
      const length = bytes[advance(1)] as number;
      return readText(bytes, advance(length), length);
    }
    case Kind.LongText: {
      const length = bytes.readUInt32LE(advance(4));
      return bytes.toString('latin1', advance(length), cursor);
    }
    case Kind.WideText: {
      const length = bytes.readUInt32LE(advance(4));
      return bytes.toString('utf16le', advance(2 * length), cursor);
    }
    case Kind.Array:
      return readArray(bytes, depth);
    case Kind.Object:
      return readObject(bytes, depth);
    default:
      throw damaged(`${String(bytes[at])} is no kind of value`);
  }
}

/** Where so many bytes begin, which are gone by then. */
function advance(length: number): number {
  const at = cursor;
  cursor += length;
  if (cursor > limit) throw damaged('it has been cut short');
  return at;
}

function readArray(bytes: Buffer, depth: number): unknown[] {
  checkDepth(depth);
  const length = bytes[advance(1)] as number;
  const array: unknown[] = [];
  for (let i = 0; i < length; i += 1) array.push(readValue(bytes, depth + 1));
  return array;
}

function readObject(bytes: Buffer, depth: number): Record<string, unknown> {
  checkDepth(depth);
  const length = bytes[advance(1)] as number;
  const object: Record<string, unknown> = {};
  for (let i = 0; i < length; i += 1) {
    const keyLength = bytes[advance(1)] as number;
    const at = advance(keyLength);
    const known = knownKeys[placeOf(bytes, at, keyLength)] as string;
    if (isText(bytes, at, keyLength, known)) object[known] = readValue(bytes, depth + 1);
    else readUncommon(object, bytes, at, depth);
  }
  return object;
}

/** A property of a name that was not met of late. */
function readUncommon(object: object, bytes: Buffer, at: number, depth: number): void {
  const text = bytes.toString('latin1', at, cursor);
  const place = placeOf(bytes, at, text.length);
  const value = readValue(bytes, depth + 1);
  // What a plain object inherits may refuse to be set, or do something else instead.
  Object.defineProperty(object, text, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
  if (text.length > SHORT_TEXT || text in Object.prototype) return;
  // As the engine keeps the names of properties: it need not be looked up again with every use.
  knownKeys[place] = Object.keys(object).find((key) => key === text) as string;
}

function checkDepth(depth: number): void {
  if (depth > MOST_DEPTH) throw damaged('it is nested more deeply than it can be');
}

/** Short texts that were met of late, by three of their characters: to find one costs less than to make one. */
const TEXTS = 512;
const knownTexts = new Array<string>(TEXTS).fill('');
/** Names of properties that a plain object does not inherit. */
const knownKeys = new Array<string>(TEXTS).fill('');

function readText(bytes: Buffer, at: number, length: number): string {
  if (length > SHORT_TEXT) return bytes.toString('latin1', at, at + length);
  const place = placeOf(bytes, at, length);
  const known = knownTexts[place] as string;
  if (isText(bytes, at, length, known)) return known;
  return (knownTexts[place] = bytes.toString('latin1', at, at + length));
}

function placeOf(bytes: Buffer, at: number, length: number): number {
  if (length === 0) return 0;
  const first = bytes[at] as number;
  const middle = bytes[at + (length >> 1)] as number;
  const last = bytes[at + length - 1] as number;
  return (length + first * 3 + middle * 31 + last * 7) & (TEXTS - 1);
}

function isText(bytes: Buffer, at: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
