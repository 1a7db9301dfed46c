import { deserialize as v8Deserialize, serialize as v8Serialize } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  deserialize,
  joined,
  serialize,
  serializeInParts,
} from '../../../lib/serialization/serializer.js';

const roundTrip = (value: unknown): unknown => deserialize(serialize(value, undefined), []);

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}

const sparse: unknown[] = [1, , 3]; // eslint-disable-line no-sparse-arrays -- what is tested
const named = Object.assign([1, 2], { extra: 'kept' });

describe('a value arrives as structured clone makes it', () => {
  const values: Record<string, unknown> = {
    undefined,
    null: null,
    booleans: [true, false],
    true: true,
    false: false,
    'negative zero': -0,
    NaN,
    Infinity: [Infinity, -Infinity],
    'largest and smallest number': [Number.MAX_VALUE, Number.MIN_VALUE],
    bigint: 2n ** 200n,
    'negative bigint': -1n,
    'empty string': '',
    'ASCII with NUL': 'a\0b\x7f',
    'Latin-1': 'naïve é ÿ',
    'two-byte string': '日本語 🙂',
    'lone surrogate': '\ud800x',
    'long string': 'x'.repeat(100_000),
    Date: new Date(86_400_000),
    'invalid Date': new Date(NaN),
    RegExp: /a+(?<n>b)/giu,
    Map: new Map<unknown, unknown>([
      ['k', new Map([[1, 2]])],
      [NaN, 'nan'],
      [{ key: 1 }, null],
    ]),
    Set: new Set([1, 'a', new Set([2])]),
    'sparse array': sparse,
    'array with a property': named,
    'nested objects': { a: { b: [{ c: undefined }] } },
    'boxed primitives': [Object(1), Object('s'), Object(false), Object(1n)],
    ArrayBuffer: new Uint8Array([1, 2, 3]).buffer,
    'class instance': new Point(1, 2),
    'null prototype': Object.assign(Object.create(null) as object, { a: 1 }),
    'numeric keys': { 2: 'b', 1: 'a', z: 0 },
  };
  for (const [name, value] of Object.entries(values)) {
    test(name, () => {
      expect(roundTrip(value)).toStrictEqual(v8Deserialize(v8Serialize(value)));
    });
  }

  test('a class instance without a reducer becomes a plain object', () => {
    expect(Object.getPrototypeOf(roundTrip(new Point(1, 2)))).toBe(Object.prototype);
  });

  test('cycles and aliases are kept', () => {
    const shared = { n: 1 };
    const value: Record<string, unknown> = {
      a: shared,
      b: [shared],
      m: new Map([[shared, shared]]),
    };
    value['self'] = value;
    const copy = roundTrip(value) as {
      a: object;
      b: object[];
      m: Map<object, object>;
      self: object;
    };
    expect(copy.self).toBe(copy);
    expect(copy.b[0]).toBe(copy.a);
    expect(copy.m.get(copy.a)).toBe(copy.a);
  });

  test('a getter arrives as its value', () => {
    const value = {
      get now() {
        return 7;
      },
    };
    expect(roundTrip(value)).toStrictEqual({ now: 7 });
  });

  test('an own key named __proto__ stays a key', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}') as object;
    const copy = roundTrip(value) as { polluted?: boolean };
    expect(Object.keys(copy)).toEqual(['__proto__', 'a']);
    expect(copy.polluted).toBeUndefined();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('objects of another realm', () => {
    const value: unknown = runInNewContext(
      '({ list: [1, { a: 2 }], map: new Map([[1, 2]]), bytes: new Uint8Array([1, 2]) })',
    );
    expect(roundTrip(value)).toEqual({
      list: [1, { a: 2 }],
      map: new Map([[1, 2]]),
      bytes: new Uint8Array([1, 2]),
    });
  });
});

describe('byte arrays', () => {
  const float16 = (globalThis as { Float16Array?: new (length: number) => ArrayBufferView })
    .Float16Array;
  const kinds = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
    ...(float16 ? [float16] : []),
  ];
  for (const Kind of kinds) {
    for (const length of [0, 3, 20_000]) {
      test(`${Kind.name} of ${String(length)}`, () => {
        const value = new Kind(length);
        new Uint8Array(value.buffer).forEach((_, index, bytes) => (bytes[index] = index * 7));
        const copy = roundTrip({ value }) as { value: typeof value };
        expect(copy.value.constructor).toBe(Kind);
        expect(Buffer.from(copy.value.buffer).equals(Buffer.from(value.buffer))).toBe(true);
        expect(copy.value.byteOffset).toBe(0);
        expect(copy.value.buffer.byteLength).toBe(value.byteLength);
      });
    }
  }

  test('DataView', () => {
    const view = new DataView(new Uint8Array([9, 1, 2, 3, 9]).buffer, 1, 3);
    const copy = roundTrip([view]) as DataView[];
    expect(copy[0]).toBeInstanceOf(DataView);
    expect(copy[0]?.byteLength).toBe(3);
    expect(copy[0]?.getUint8(0)).toBe(1);
  });

  test('a Buffer arrives as a Buffer, a Uint8Array as a Uint8Array, alone and inside', () => {
    for (const wrap of [(v: unknown) => v, (v: unknown) => ({ v })]) {
      const unwrap = (v: unknown): unknown =>
        Buffer.isBuffer(v) || v instanceof Uint8Array ? v : (v as { v: unknown }).v;
      const buffer = unwrap(roundTrip(wrap(Buffer.from('hello'))));
      expect(Buffer.isBuffer(buffer)).toBe(true);
      expect(String(buffer)).toBe('hello');
      const bytes = unwrap(roundTrip(wrap(new Uint8Array([1, 2]))));
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
      expect(bytes).toEqual(new Uint8Array([1, 2]));
    }
  });

  test('a view of a part sends only the part, and nothing of its neighbours', () => {
    const whole = Buffer.from('secret-public-secret');
    const bytes = serialize({ part: whole.subarray(7, 13) }, undefined);
    expect(bytes.includes('public')).toBe(true);
    expect(bytes.includes('secret')).toBe(false);
  });

  test('a subclass of a byte array arrives as its kind', () => {
    class Pixels extends Uint8Array {}
    const copy = roundTrip({ p: new Pixels([1, 2]) }) as { p: Uint8Array };
    expect(Object.getPrototypeOf(copy.p)).toBe(Uint8Array.prototype);
    expect(Object.getPrototypeOf(roundTrip(new Pixels([1, 2])))).toBe(Uint8Array.prototype);
  });

  test('the same array twice is one array, big or small', () => {
    for (const length of [10, 100_000]) {
      const value = new Float32Array(length);
      const copy = roundTrip([value, value]) as unknown[];
      expect(copy[0]).toBe(copy[1]);
    }
  });

  test('16 MiB, between other values', () => {
    const big = Buffer.alloc(16 * 1024 * 1024, 'abcdefg');
    const copy = roundTrip({ before: 1, big, words: new Uint16Array(big.buffer), after: 'x' }) as {
      before: number;
      big: Buffer;
      words: Uint16Array;
      after: string;
    };
    expect(copy.before).toBe(1);
    expect(copy.after).toBe('x');
    expect(Buffer.isBuffer(copy.big) && copy.big.equals(big)).toBe(true);
    expect(Buffer.from(copy.words.buffer as ArrayBuffer).equals(big)).toBe(true);
    expect((roundTrip(big) as Buffer).equals(big)).toBe(true);
  });

  test('what arrives shares no memory with the message', () => {
    for (const size of [8, 100_000]) {
      for (const value of [{ b: Buffer.alloc(size, 1) }, { b: new Uint8Array(size).fill(1) }]) {
        const message = serialize(value, undefined);
        const copy = deserialize(message) as { b: Uint8Array };
        message.fill(0);
        expect(copy.b.every((byte) => byte === 1)).toBe(true);
      }
      const message = serialize(Buffer.alloc(size, 1), undefined);
      const copy = deserialize(message) as Uint8Array;
      message.fill(0);
      expect(copy[size - 1]).toBe(1);
    }
  });

  test('of a message given away, large Buffers stay where they are', () => {
    const message = serialize({ big: Buffer.alloc(100_000, 1) }, undefined);
    const copy = deserialize(message, [], { owned: true }) as { big: Buffer };
    expect(copy.big.buffer).toBe(message.buffer);
    expect(copy.big.length).toBe(100_000);
    expect(copy.big.every((byte) => byte === 1)).toBe(true);
  });

  test('of a message in parts, a long byte array that is all of its rest stays there, and one of several does not', () => {
    const floats = new Float64Array(10_000).fill(1.5);
    for (const value of [floats, [floats], { a: 1, floats }]) {
      const { front, rest } = serializeInParts(value, undefined);
      expect(rest).toHaveLength(1);
      expect(rest[0]?.buffer).toBe(floats.buffer);
      const behind = new Uint8Array(rest[0] as Uint8Array);
      const options = { owned: true, rest: behind };
      const copy = deserialize(joined(front, []), [], options) as Float64Array | Float64Array[];
      expect(copy).toEqual(value);
      const [only] = copy instanceof Float64Array ? [copy] : Object.values(copy).slice(-1);
      expect(only?.buffer).toBe(behind.buffer);
    }
    const { front, rest } = serializeInParts([floats, new Uint8Array(40_000)], undefined);
    const behind = new Uint8Array(Buffer.concat(rest));
    const copies = deserialize(joined(front, []), [], { owned: true, rest: behind }) as unknown[];
    for (const copy of copies as Uint8Array[]) expect(copy.buffer).not.toBe(behind.buffer);
    expect(copies).toEqual([floats, new Uint8Array(40_000)]);
  });

  test('bytes may be any Uint8Array, at any offset', () => {
    const message = serialize({ f: new Float64Array([1.5, 2.5]), s: 'x' }, undefined);
    const shifted = new Uint8Array(message.length + 3);
    shifted.set(message, 3);
    expect(deserialize(shifted.subarray(3))).toEqual({ f: new Float64Array([1.5, 2.5]), s: 'x' });
  });
});

describe('a DOMException somewhere in a value', () => {
  const aborted = new DOMException('it was left', 'AbortError');
  const values: Record<string, unknown> = {
    'in a settled result': [{ status: 'rejected', reason: aborted }],
    'beside a date and an empty object': { at: new Date(0), empty: {}, deep: [aborted] },
    'in a long message': { text: 'x'.repeat(5000), at: new Date(0), list: new Set([aborted]) },
  };
  for (const [name, value] of Object.entries(values)) {
    test(`arrives whole: ${name}`, () => {
      const copy = roundTrip(value);
      expect(copy).toEqual(value);
      const found = JSON.stringify(copy, (_, part: unknown) => {
        if (part instanceof DOMException) return [part.name, part.message];
        return part instanceof Set ? [...(part as Set<unknown>)] : part;
      });
      expect(found).toContain('["AbortError","it was left"]');
    });
  }
});
