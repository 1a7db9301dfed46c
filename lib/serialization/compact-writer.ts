/** Writes the compact format. */
import { types } from 'node:util';
import { Kind, MOST_DEPTH, SHORT_TEXT } from './compact-format.js';
import { isKnownHostObject } from './host-objects.js';
import { primitivesOf, type Primitives } from './primitive-array.js';

/** Answer of `writeCompact` that the value is to be written otherwise. */
export const NOT_WRITTEN = -1;

/** Of more, V8's setup is a small part. Also what bounds the search for parts that come twice. */
const MOST_PARTS = 32;
const MOST_ELEMENTS = 32;
/** What one byte can say of a length. */
const MOST_SHORT = 255;

/** The objects and arrays met in the value that is being written. */
let parts: object[] = [];

/** The latest value that was not written has ended at an object that V8 would write without its state. */
let metHostObject = false;

/**
 * Writes the value from `at` on: where it ends. NOT_WRITTEN: it is not for this format, or has no room; then nothing that was
 * written means anything.
 */
export function writeCompact(target: Buffer, at: number, value: unknown): number {
  if (typeof value === 'string') return writeText(target, at, value);
  if (typeof value !== 'object' || value === null) return writeValue(target, at, value, 0);
  if (types.isUint8Array(value)) return writeBytes(target, at, value);
  if (!isLongArray(value)) return writePlain(target, at, value);
  // What is longer is likely to have no room.
  if (4 * value.length > target.length) return NOT_WRITTEN;
  return writePrimitives(target, at, primitivesOf(value, MOST_ELEMENTS));
}

function isLongArray(value: object): value is unknown[] {
  return Array.isArray(value) && !types.isProxy(value) && value.length > MOST_ELEMENTS;
}

function writePrimitives(target: Buffer, at: number, array: Primitives | undefined): number {
  if (array === undefined || at + 1 + array.bytes.length > target.length) return NOT_WRITTEN;
  target[at] = array.kind;
  target.set(array.bytes, at + 1);
  return at + 1 + array.bytes.length;
}

/** One byte per character, or not at all. A long one is ASCII when it has as many bytes in UTF-8 as code units. */
function writeText(target: Buffer, at: number, text: string): number {
  const { length } = text;
  if (at + 1 + length > target.length) return NOT_WRITTEN;
  if (length > SHORT_TEXT) {
    if (Buffer.byteLength(text) !== length) return NOT_WRITTEN;
    target.write(text, at + 1, 'latin1');
  } else if (!writeCharacters(target, at + 1, text)) {
    return NOT_WRITTEN;
  }
  target[at] = Kind.Text;
  return at + 1 + length;
}

/** A text of any length, as a message of its own; undefined for any other value. */
export function compactText(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || Buffer.byteLength(value) !== value.length) return undefined;
  const bytes = Buffer.allocUnsafe(1 + value.length);
  return writeText(bytes, 0, value) === bytes.length ? bytes : undefined;
}

/** The first byte of a message, and the others. */
export interface InTwo {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** A byte array or an array of primitives of one sort, of any length; undefined for any other value. */
export function compactInTwo(value: unknown): InTwo | undefined {
  if (Array.isArray(value)) return primitivesOf(value, MOST_ELEMENTS);
  if (!types.isUint8Array(value)) return undefined;
  const kind = kindOfBytes(value);
  return kind === undefined ? undefined : { kind, bytes: value };
}

/** From here on the copy that a byte array is spared is worth more than what it costs to send it in two parts. */
export const LEAST_IN_TWO = 64 * 1024;

/** Of a long byte array, the first byte of its message: the others are its own. Undefined for any other value. */
export function compactHead(value: unknown): number | undefined {
  if (!types.isUint8Array(value) || value.length < LEAST_IN_TWO) return undefined;
  return kindOfBytes(value);
}

/** False when one of them does not fit into a byte. */
function writeCharacters(target: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 0xff) return false;
    target[at + i] = code;
  }
  return true;
}

function writeBytes(target: Buffer, at: number, value: Uint8Array): number {
  if (at + 1 + value.length > target.length) return NOT_WRITTEN;
  const kind = kindOfBytes(value);
  if (kind === undefined) return NOT_WRITTEN;
  target[at] = kind;
  target.set(value, at + 1);
  return at + 1 + value.length;
}

/** Undefined: V8 and the reducers are to see it. */
function kindOfBytes(value: Uint8Array): number | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isBuffer = prototype === Buffer.prototype;
  // A subclass may have a reducer, and shared memory is refused with a message elsewhere.
  if (!isBuffer && prototype !== Uint8Array.prototype) return undefined;
  if (types.isSharedArrayBuffer(value.buffer)) return undefined;
  return isBuffer ? Kind.Buffer : Kind.Bytes;
}

function writePlain(target: Buffer, at: number, value: object): number {
  // A getter that sends something itself finds no list in use.
  const outer = parts;
  parts = [];
  try {
    target[at] = Kind.Plain;
    return writePart(target, at + 1, value, 0);
  } catch {
    // A getter has thrown: V8 asks it again, and says so.
    return NOT_WRITTEN;
  } finally {
    parts = outer;
  }
}

function writeValue(target: Buffer, at: number, value: unknown, depth: number): number {
  if (typeof value === 'string') return writeInnerText(target, at, value);
  if (typeof value === 'object' && value !== null) return writePart(target, at, value, depth);
  // Of everything else.
  if (at + 9 > target.length) return NOT_WRITTEN;
  if (typeof value === 'number') return writeNumber(target, at, value);
  if (typeof value === 'boolean') target[at] = value ? Kind.True : Kind.False;
  else if (value === null) target[at] = Kind.Null;
  else if (value === undefined) target[at] = Kind.Undefined;
  else return NOT_WRITTEN;
  return at + 1;
}

function writeNumber(target: Buffer, at: number, value: number): number {
  if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
    target[at] = Kind.Int32;
    return target.writeInt32LE(value, at + 1);
  }
  target[at] = Kind.Double;
  return target.writeDoubleLE(value, at + 1);
}

function writeInnerText(target: Buffer, at: number, text: string): number {
  const { length } = text;
  if (at + 5 + 2 * length > target.length) return NOT_WRITTEN;
  if (length <= SHORT_TEXT && writeCharacters(target, at + 2, text)) {
    target[at] = Kind.ShortText;
    target[at + 1] = length;
    return at + 2 + length;
  }
  if (length > SHORT_TEXT && Buffer.byteLength(text) === length) {
    const begin = length <= MOST_SHORT ? at + 2 : at + 5;
    target[at] = length <= MOST_SHORT ? Kind.ShortText : Kind.LongText;
    if (length <= MOST_SHORT) target[at + 1] = length;
    else target.writeUInt32LE(length, at + 1);
    return begin + target.write(text, begin, 'latin1');
  }
  target[at] = Kind.WideText;
  target.writeUInt32LE(length, at + 1);
  return at + 5 + target.write(text, at + 5, 'utf16le');
}

function writePart(target: Buffer, at: number, value: object, depth: number): number {
  if (depth > MOST_DEPTH || parts.length >= MOST_PARTS || types.isProxy(value)) return NOT_WRITTEN;
  // One that comes twice arrives as one: V8 sees to that.
  if (parts.includes(value)) return NOT_WRITTEN;
  parts.push(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype) return writeObject(target, at, value, depth);
  const isArray = prototype === Array.prototype && Array.isArray(value);
  if (isArray) return writeArray(target, at, value, depth);
  metHostObject ||= isKnownHostObject(value);
  return NOT_WRITTEN;
}

/** Once for each: a hint that the value is to be walked. V8 gives no sign of such an object that has properties. */
export function takeMetHostObject(): boolean {
  const met = metHostObject;
  metHostObject = false;
  return met;
}

function writeArray(target: Buffer, at: number, value: unknown[], depth: number): number {
  const { length } = value;
  // No holes, and nothing beside its elements.
  if (length > MOST_ELEMENTS || Object.keys(value).length !== length) return NOT_WRITTEN;
  target[at] = Kind.Array;
  target[at + 1] = length;
  let end = at + 2;
  for (let i = 0; i < length; i += 1) {
    const element = value[i];
    if (element === undefined && !Object.hasOwn(value, i)) return NOT_WRITTEN;
    end = writeValue(target, end, element, depth + 1);
    if (end < 0) return NOT_WRITTEN;
  }
  return value.length === length ? end : NOT_WRITTEN;
}

function writeObject(target: Buffer, at: number, value: object, depth: number): number {
  const keys = Object.keys(value);
  const { length } = keys;
  // Without properties it may be something that only V8 knows, such as an external value.
  if (length === 0 || length > MOST_ELEMENTS) return NOT_WRITTEN;
  if (!isOrdinary(value)) return NOT_WRITTEN;
  target[at] = Kind.Object;
  target[at + 1] = length;
  let end = at + 2;
  for (const key of keys) {
    end = writeKey(target, end, key);
    if (end < 0) return NOT_WRITTEN;
    const member = (value as Record<string, unknown>)[key];
    // A getter may have taken another one away.
    if (member === undefined && !Object.hasOwn(value, key)) return NOT_WRITTEN;
    end = writeValue(target, end, member, depth + 1);
    if (end < 0) return NOT_WRITTEN;
  }
  return end;
}

/** Not a Date, an Error, a boxed number or the like, whose prototype somebody has changed. */
function isOrdinary(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]' || Symbol.toStringTag in value;
}

function writeKey(target: Buffer, at: number, key: string): number {
  const { length } = key;
  // The name of the prototype is a property that only V8 defines instead of setting it.
  if (length > MOST_SHORT || at + 1 + length > target.length || key === '__proto__') {
    return NOT_WRITTEN;
  }
  target[at] = length;
  return writeCharacters(target, at + 1, key) ? at + 1 + length : NOT_WRITTEN;
}
