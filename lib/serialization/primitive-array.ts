/**
 * Long arrays that hold nothing but numbers, or nothing but undefined, null and booleans, as maps send and answer them: ten times faster
 * than V8's serializer.
 */
import { endianness } from 'node:os';
import { inspect, types } from 'node:util';
import { damaged } from './clone-stream.js';
import { Kind } from './compact-format.js';

type PrimitivesKind = typeof Kind.Int32s | typeof Kind.Doubles | typeof Kind.Oddballs;

export interface Primitives {
  readonly kind: PrimitivesKind;
  readonly bytes: Uint8Array;
}

/** Numbers are written as the processor has them. */
const IS_LITTLE_ENDIAN = endianness() === 'LE';

/** Of an array of at least so many elements that are all of one sort; undefined of anything else. */
export function primitivesOf(value: unknown, least: number): Primitives | undefined {
  if (!Array.isArray(value) || types.isProxy(value)) return undefined;
  if (value.length < least || Object.getPrototypeOf(value) !== Array.prototype) return undefined;
  const array = value as readonly unknown[];
  const first = array[0];
  const typed = typeof first === 'number' ? typedOf(array, first) : oddballsOf(array, first);
  if (typed === undefined || !isBare(array)) return undefined;
  if (typed instanceof Uint8Array) return { kind: Kind.Oddballs, bytes: typed };
  const kind = typed instanceof Int32Array ? Kind.Int32s : Kind.Doubles;
  return { kind, bytes: new Uint8Array(typed.buffer) };
}

/** Each element is read once, as a getter may answer something else the next time. */
function typedOf(array: readonly unknown[], first: number): Int32Array | Float64Array | undefined {
  if (!IS_LITTLE_ENDIAN) return undefined;
  const { length } = array;
  let typed: Int32Array | Float64Array = new Int32Array(length);
  for (let i = 0, element: unknown = first; ; element = array[i]) {
    if (typeof element !== 'number') return undefined;
    if (typed instanceof Int32Array && !isInt32(element)) typed = Float64Array.from(typed);
    typed[i] = element;
    i += 1;
    if (i === length) return typed;
  }
}

/** What one byte says, which is its kind. A hole reads as undefined, but is none. */
function oddballsOf(array: readonly unknown[], first: unknown): Uint8Array | undefined {
  const { length } = array;
  const kinds = new Uint8Array(kindOf(first) === 0 ? 0 : length);
  for (let i = 0, element = first; i < kinds.length; element = array[i]) {
    const kind = kindOf(element);
    if (kind === 0 || (kind === Kind.Undefined && !(i in array))) return undefined;
    kinds[i] = kind;
    i += 1;
  }
  return kinds.length === length ? kinds : undefined;
}

/** 0 for anything else. */
function kindOf(value: unknown): number {
  if (value === undefined) return Kind.Undefined;
  if (value === null) return Kind.Null;
  if (value === true) return Kind.True;
  return value === false ? Kind.False : 0;
}

function isInt32(number: number): boolean {
  return (number | 0) === number && (number !== 0 || 1 / number > 0);
}

/**
 * No properties beside its elements. Listing the names of the elements to find one that is none costs more than everything else
 * here; of public functions only this one asks the engine for the others alone.
 */
function isBare(array: readonly unknown[]): boolean {
  const shown = inspect(array, {
    maxArrayLength: 0,
    depth: 0,
    customInspect: false,
    compact: true,
  });
  return shown === `[ ... ${String(array.length)} more items ]`;
}

/** @throws SerializationError for what `primitivesOf` has not written. */
export function readPrimitives(
  kind: PrimitivesKind,
  bytes: Buffer,
  start: number,
  end: number,
): unknown[] {
  return kind === Kind.Oddballs
    ? readOddballs(bytes, start, end)
    : readNumbers(kind, bytes, start, end);
}

function readNumbers(
  kind: typeof Kind.Int32s | typeof Kind.Doubles,
  bytes: Buffer,
  start: number,
  end: number,
): number[] {
  const size = kind === Kind.Int32s ? Int32Array.BYTES_PER_ELEMENT : Float64Array.BYTES_PER_ELEMENT;
  if ((end - start) % size !== 0) throw damaged('it has been cut short');
  const from = bytes.byteOffset + start;
  // Wherever it stands: a view begins at a multiple of the size.
  const copy = bytes.buffer.slice(from, from + end - start);
  const typed = kind === Kind.Int32s ? new Int32Array(copy) : new Float64Array(copy);
  // Five times faster than everything that grows, and than everything that goes by iterators.
  const numbers = new Array<number>(typed.length);
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = typed[i] as number;
  return numbers;
}

function readOddballs(bytes: Buffer, start: number, end: number): unknown[] {
  const values = new Array<unknown>(end - start);
  for (let i = 0; i < values.length; i += 1) values[i] = oddball(bytes[start + i] as number);
  return values;
}

function oddball(kind: number): unknown {
  switch (kind) {
    case Kind.Undefined:
      return undefined;
    case Kind.Null:
      return null;
    case Kind.True:
      return true;
    case Kind.False:
      return false;
    default:
      throw damaged(`${String(kind)} is no kind of element`);
  }
}
