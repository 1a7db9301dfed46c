/** Reads the compact format. */
import { damaged } from './clone-stream.js';
import { Kind, MOST_DEPTH, SHORT_TEXT } from './compact-format.js';

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
  switch (bytes[start] ?? 0) {
    case Kind.Undefined:
      return undefined;
    case Kind.Null:
      return null;
    case Kind.True:
      return true;
    case Kind.False:
      return false;
    case Kind.Double:
      return end - start === 9 ? bytes.readDoubleLE(start + 1) : NOT_COMPACT;
    case Kind.Int32:
      return end - start === 5 ? bytes.readInt32LE(start + 1) : NOT_COMPACT;
    case Kind.Text:
      return readText(bytes, start + 1, end - start - 1);
    case Kind.Buffer: {
      const inside = bytes.subarray(start + 1, end);
      return owned ? inside : Buffer.from(inside);
    }
    case Kind.Bytes:
      return new Uint8Array(bytes.buffer, bytes.byteOffset + start + 1, end - start - 1).slice();
    case Kind.Plain: {
      cursor = start + 1;
      limit = end;
      const value = readValue(bytes, 0);
      if (cursor !== limit) throw damaged('it is longer than its value');
      return value;
    }
    default:
      return NOT_COMPACT;
  }
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
