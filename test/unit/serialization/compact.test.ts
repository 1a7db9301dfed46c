// Small plain values are written without V8: whatever is written so must arrive as structured clone has it, and the rest be left.
import { describe, expect, test } from 'vitest';
import { afterScratch, copyFromScratch, scratch } from '../../../lib/base/scratch.js';
import { SerializationError } from '../../../lib/errors.js';
import { readCompact } from '../../../lib/serialization/compact-reader.js';
import { NOT_WRITTEN, writeCompact } from '../../../lib/serialization/compact-writer.js';
import {
  deserialize,
  serialize,
  serializeToScratch,
} from '../../../lib/serialization/serializer.js';

const target = Buffer.alloc(4096, 0xee);

function throughCompact(value: unknown, at = 3): unknown {
  const end = writeCompact(target, at, value);
  expect(end).not.toBe(NOT_WRITTEN);
  return readCompact(target, at, end, false);
}

const isLeft = (value: unknown): boolean => writeCompact(target, 0, value) === NOT_WRITTEN;

const written: Record<string, unknown> = {
  'the least and the largest 32-bit number': [-(2 ** 31), 2 ** 31 - 1, 2 ** 31, -(2 ** 31) - 1],
  'numbers that are no integers': { a: NaN, b: -0, c: 0, d: Infinity, e: 5e-324, f: 2 ** 53 },
  'numbers alone': -0,
  'null, undefined and booleans': { a: null, b: undefined, c: true, d: false },
  'texts of every length and width': [
    '',
    'é',
    'ÿ',
    'Ā',
    '日本',
    '\ud800',
    'a'.repeat(24),
    'b'.repeat(25),
  ],
  'long texts': { a: 'x'.repeat(255), b: 'y'.repeat(256), c: 'é'.repeat(300), d: '語'.repeat(300) },
  'keys of every kind': {
    '': 1,
    '7': 2,
    'a b': 3,
    é: 4,
    toString: 5,
    constructor: 6,
    ['k'.repeat(200)]: 7,
  },
  'parts in parts': { a: [{ b: [{ c: [] }] }], d: [[[1]]] },
  'a number of 5 bytes': 7,
};

describe('arrives as it was', () => {
  for (const [name, value] of Object.entries(written)) {
    test(name, () => {
      const arrived = throughCompact(value);
      expect(arrived).toStrictEqual(structuredClone(value));
      expect(JSON.stringify(arrived)).toBe(JSON.stringify(value));
      // Also with names and texts that were met before.
      expect(throughCompact(value, 100)).toStrictEqual(structuredClone(value));
    });
  }

  test('the order of properties', () => {
    const value = { z: 1, 2: 'two', a: 3, 1: 'one' };
    expect(Object.keys(throughCompact(value) as object)).toEqual(['1', '2', 'z', 'a']);
  });

  test('ten thousand random values', () => {
    let seed = 42;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    const make = (depth: number): unknown => {
      const kind = random(depth > 3 ? 6 : 9);
      if (kind === 0) return random(2) === 0;
      if (kind === 1) return (random(1000) - 500) / 7;
      if (kind === 2) return random(2 ** 22) * (random(2) === 0 ? -1 : 1000);
      if (kind === 3) return [null, undefined, -0, NaN][random(4)];
      if (kind <= 5)
        return String.fromCharCode(
          ...Array.from({ length: random(40) }, () => random(random(3) === 0 ? 70_000 : 127)),
        );
      if (kind === 6) return Array.from({ length: random(5) }, () => make(depth + 1));
      const entries = Array.from({ length: random(6) }, () => [
        `k${String(random(700))}`,
        make(depth + 1),
      ]);
      return Object.fromEntries(entries) as unknown;
    };
    for (let i = 0; i < 10_000; i += 1) {
      const value = make(0);
      expect(deserialize(serialize(value, undefined))).toStrictEqual(structuredClone(value));
    }
  });
});

describe('is left to V8', () => {
  const shared = { a: 1 };
  const circular: Record<string, unknown> = { a: 1 };
  circular.self = circular;
  const extra = Object.assign([1, 2], { extra: true });
  const cases: Record<string, unknown> = {
    'a part that comes twice': [shared, shared],
    'a circular one': circular,
    'an array with a hole': [1, , 3], // eslint-disable-line no-sparse-arrays -- what it is about
    'an array with more than elements': extra,
    'an object without properties': {},
    'an object without a prototype': Object.assign(Object.create(null) as object, { a: 1 }),
    'an instance': [new Date(0)],
    'a Date in disguise': Object.setPrototypeOf(
      Object.assign(new Date(0), { a: 1 }),
      Object.prototype,
    ),
    'an own key named __proto__': JSON.parse('{"__proto__": {"a": 1}}'),
    'a bigint': { a: 1n },
    'what is deep': [[[[[[[[[[1]]]]]]]]]],
    'what has many parts': Array.from({ length: 30 }, () => [[1]]),
    'a long array that holds anything but numbers': [...Array<number>(40).fill(1), '1'],
    'wide keys': { 語: 1 },
    'more than there is room for': { a: 'x'.repeat(5000) },
  };
  for (const [name, value] of Object.entries(cases)) {
    test(name, () => {
      expect(isLeft(value)).toBe(true);
      expect(deserialize(serialize(value, undefined))).toStrictEqual(structuredClone(value));
    });
  }

  test('functions, symbols and proxies, without running any code of a proxy', () => {
    const traps: string[] = [];
    const handler = new Proxy(
      {},
      {
        get: (_, trap) => void traps.push(String(trap)),
      },
    );
    for (const value of [
      () => 1,
      Symbol('s'),
      new Proxy({ a: 1 }, handler),
      [new Proxy([1], handler)],
    ])
      expect(isLeft(value)).toBe(true);
    expect(traps).toEqual([]);
  });

  test('a getter that throws, and one that takes another property away', () => {
    expect(
      isLeft({
        get a(): never {
          throw new Error('no');
        },
      }),
    ).toBe(true);
    const value = {
      get a(): number {
        delete (value as { b?: number }).b;
        return 1;
      },
      b: 2,
    };
    expect(isLeft(value)).toBe(true);
  });
});

test('what a plain object inherits is not set', () => {
  let called = 0;

  Object.defineProperty(Object.prototype, 'trap', { set: () => (called += 1), configurable: true });
  try {
    const value = JSON.parse('{"trap": 1, "other": 2}') as object;
    for (let i = 0; i < 3; i += 1) {
      expect(JSON.stringify(throughCompact(value))).toBe('{"trap":1,"other":2}');
    }
    expect(called).toBe(0);
  } finally {
    delete (Object.prototype as { trap?: unknown }).trap;
  }
});

test('whatever the bytes are, reading them ends in a value or in a SerializationError', () => {
  const value = { a: ['é', '日本', 1.5, 7, null], long: 'x'.repeat(300), b: { c: true } };
  const end = writeCompact(target, 0, value);
  const whole = Buffer.from(target.subarray(0, end));
  for (let at = 0; at < whole.length; at += 1) {
    for (const byte of [0, 1, 6, 9, 12, 13, 14, 15, 0x7f, 0xff]) {
      const damaged = Buffer.from(whole);
      damaged[at] = byte;
      try {
        deserialize(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(SerializationError);
      }
    }
    if (at > 0) expect(() => deserialize(whole.subarray(0, at))).toThrow(SerializationError);
  }
  expect(() => deserialize(Buffer.concat([whole, Buffer.of(1)]))).toThrow(SerializationError);
  // Nested more deeply than the stack is.
  const deep = Buffer.alloc(100_000, 14).fill(1, 1);
  deep[0] = 9;
  for (let at = 1; at < deep.length; at += 2) deep[at] = 14;
  expect(() => deserialize(deep)).toThrow(SerializationError);
});

test('a getter that sends something itself finds the scratch memory taken', () => {
  const inner: unknown[] = [];
  const value = {
    get a(): number {
      expect(serializeToScratch('inner', 0)).toBe(NOT_WRITTEN);
      inner.push(deserialize(serialize({ b: [1] }, undefined)));
      return 1;
    },
    b: 2,
  };
  const end = serializeToScratch(value, 0);
  expect(readCompact(scratch.bytes, 0, end, false)).toEqual({ a: 1, b: 2 });
  expect(inner).toEqual([{ b: [1] }]);
  expect(scratch.busy).toBe(false);
});

test('several messages stand in the scratch memory one behind the other', () => {
  let at = 0;
  const texts = ['', 'one', 'of eight'];
  for (const [index, text] of texts.entries()) {
    const end = serializeToScratch(text, at);
    scratch.lengths[index] = end - at;
    at = afterScratch(end);
  }
  expect(at).toBe(8 + 8 + 16);
  expect([...copyFromScratch(3)].map((bytes) => deserialize(bytes))).toEqual(texts);
});
