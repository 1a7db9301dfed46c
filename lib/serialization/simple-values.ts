/**
 * The values that most messages are, without V8's writer, whose setup alone costs more: a kind byte, then the value. V8's
 * own messages begin with 0xFF and framed ones with 0x20, so the first byte tells which is which.
 */
import { types } from 'node:util';

const UNDEFINED = 1;
const NULL = 2;
const TRUE = 3;
const FALSE = 4;
const NUMBER = 5;
const ASCII = 6;
const BUFFER = 7;
const BYTES = 8;

/** Answers from `decodeSimple` that the bytes are something else. */
export const NOT_SIMPLE = Symbol('not a simple value');

/** The bytes of a simple value; undefined when the value is not one. */
export function encodeSimple(value: unknown): Buffer | undefined {
  if (typeof value === 'number') return encodeNumber(value);
  if (typeof value === 'string') return encodeText(value);
  if (typeof value === 'boolean') return kindOnly(value ? TRUE : FALSE);
  if (value === undefined) return kindOnly(UNDEFINED);
  if (value === null) return kindOnly(NULL);
  // Not instanceof: of a proxy it would run the owner's code.
  return types.isUint8Array(value) ? encodeBytes(value) : undefined;
}

function kindOnly(kind: number): Buffer {
  const bytes = Buffer.allocUnsafe(1);
  bytes[0] = kind;
  return bytes;
}

function encodeNumber(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = NUMBER;
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

/** ASCII only: as many bytes in UTF-8 as code units. Everything else, lone surrogates included, is V8's. */
function encodeText(value: string): Buffer | undefined {
  if (Buffer.byteLength(value) !== value.length) return undefined;
  const bytes = Buffer.allocUnsafe(1 + value.length);
  bytes[0] = ASCII;
  bytes.write(value, 1, 'latin1');
  return bytes;
}

function encodeBytes(value: Uint8Array): Buffer | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isBuffer = prototype === Buffer.prototype;
  // A subclass may have a reducer, and shared memory is refused with a message elsewhere.
  if (!isBuffer && prototype !== Uint8Array.prototype) return undefined;
  if (!(value.buffer instanceof ArrayBuffer)) return undefined;
  const bytes = Buffer.allocUnsafe(1 + value.length);
  bytes[0] = isBuffer ? BUFFER : BYTES;
  bytes.set(value, 1);
  return bytes;
}

/** The value, or NOT_SIMPLE. Byte arrays are copies, except that a Buffer may stay inside a message given away (`owned`). */
export function decodeSimple(bytes: Uint8Array, owned: boolean): unknown {
  switch (bytes[0] ?? 0) {
    case UNDEFINED:
      return undefined;
    case NULL:
      return null;
    case TRUE:
      return true;
    case FALSE:
      return false;
    case NUMBER:
      return bytes.length === 9 ? view(bytes).readDoubleLE(1) : NOT_SIMPLE;
    case ASCII:
      return view(bytes).toString('latin1', 1);
    case BUFFER:
      return owned ? view(bytes).subarray(1) : Buffer.from(view(bytes).subarray(1));
    case BYTES:
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length).slice(1);
    default:
      return NOT_SIMPLE;
  }
}

function view(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}
