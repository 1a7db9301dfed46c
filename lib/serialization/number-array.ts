/** Long arrays that hold nothing but numbers, as maps over numbers send and answer them: ten times faster than V8's serializer. */
import { endianness } from 'node:os';
import { inspect, types } from 'node:util';
import { damaged } from './clone-stream.js';
import { Kind } from './compact-format.js';

type NumbersKind = typeof Kind.Int32s | typeof Kind.Doubles;

export interface Numbers {
  readonly kind: NumbersKind;
  readonly bytes: Uint8Array;
}

/** Numbers are written as the processor has them. */
const IS_LITTLE_ENDIAN = endianness() === 'LE';

/** Of an array of at least so many elements that are all numbers; undefined of anything else. */
export function numbersOf(value: unknown, least: number): Numbers | undefined {
  if (!IS_LITTLE_ENDIAN || !Array.isArray(value) || types.isProxy(value)) return undefined;
  if (value.length < least || Object.getPrototypeOf(value) !== Array.prototype) return undefined;
  const typed = typedOf(value as readonly unknown[]);
  if (typed === undefined || !isBare(value as readonly unknown[])) return undefined;
  const kind = typed instanceof Int32Array ? Kind.Int32s : Kind.Doubles;
  return { kind, bytes: new Uint8Array(typed.buffer) };
}

/** Each element is read once, as a getter may answer something else the next time. */
function typedOf(array: readonly unknown[]): Int32Array | Float64Array | undefined {
  const { length } = array;
  const first = array[0];
  if (typeof first !== 'number') return undefined;
  let typed: Int32Array | Float64Array = new Int32Array(length);
  for (let i = 0, element: unknown = first; ; element = array[i]) {
    if (typeof element !== 'number') return undefined;
    if (typed instanceof Int32Array && !isInt32(element)) typed = Float64Array.from(typed);
    typed[i] = element;
    i += 1;
    if (i === length) return typed;
  }
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

export function readNumbers(
  kind: NumbersKind,
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
