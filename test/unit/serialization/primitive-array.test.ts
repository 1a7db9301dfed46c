// Long arrays of numbers, or of undefined, null and booleans, travel without V8's serializer, and arrive as structured clone has them.
import { describe, expect, test } from 'vitest';
import { SerializationError } from '../../../lib/errors.js';
import { Kind } from '../../../lib/serialization/compact-format.js';
import { NOT_WRITTEN } from '../../../lib/serialization/compact-writer.js';
import { primitivesOf } from '../../../lib/serialization/primitive-array.js';
import {
  deserialize,
  serialize,
  serializeToScratch,
} from '../../../lib/serialization/serializer.js';

const LONG = 100;
const numbers = Array.from({ length: LONG }, (_, i) => i - 50);

const kindOf = (value: unknown): number | undefined => serialize(value, undefined)[0];
const sent = (value: unknown): unknown => deserialize(serialize(value, undefined));

const oddballs = Array.from({ length: LONG }, (_, i) => [undefined, null, true, false][i % 4]);

describe('an array of primitives of one sort', () => {
  const odd = [NaN, -0, 0, Infinity, -Infinity, 5e-324, 2 ** 31, -(2 ** 31) - 1, 2 ** 53];
  const cases: Record<string, [value: unknown[], kind: number]> = {
    integers: [[...numbers, 2 ** 31 - 1, -(2 ** 31)], Kind.Int32s],
    'numbers that are none': [[...numbers, ...odd], Kind.Doubles],
    'one at the beginning that is none': [[0.5, ...numbers], Kind.Doubles],
    'more than the scratch memory holds': [
      Array.from({ length: 100_000 }, (_, i) => i),
      Kind.Int32s,
    ],
    frozen: [Object.freeze([...numbers]) as number[], Kind.Int32s],
    'undefined, null and booleans': [oddballs, Kind.Oddballs],
    'what a function without a result gives': [
      Array<undefined>(100_000).fill(undefined),
      Kind.Oddballs,
    ],
  };
  for (const [name, [value, kind]] of Object.entries(cases)) {
    test(name, () => {
      expect(kindOf(value)).toBe(kind);
      expect(sent(value)).toStrictEqual(structuredClone(value));
    });
  }

  test('wherever the message begins', () => {
    for (const value of [numbers, numbers.map((number) => number / 4), oddballs]) {
      const bytes = serialize(value, undefined);
      for (let from = 0; from < 9; from += 1) {
        const message = Buffer.concat([Buffer.alloc(from), bytes]);
        expect(deserialize(message, [], { from })).toStrictEqual(value);
      }
    }
  });

  test('whose getter answers something else each time is asked once', () => {
    let asked = 0;
    const value = [...numbers];
    Object.defineProperty(value, 7, { get: () => (asked += 1), enumerable: true });
    expect((sent(value) as number[])[7]).toBe(1);
    expect(asked).toBe(1);
  });

  test('that has been cut short is refused', () => {
    for (const value of [numbers, numbers.map((number) => number / 4)]) {
      const bytes = serialize(value, undefined);
      expect(() => deserialize(bytes.subarray(0, -1))).toThrow(SerializationError);
    }
  });

  test('in which there is something else is refused', () => {
    const bytes = serialize(oddballs, undefined);
    for (const kind of [0, Kind.Double, 255]) {
      bytes[50] = kind;
      expect(() => deserialize(bytes)).toThrow(SerializationError);
    }
  });
});

describe('is left to V8', () => {
  class Numbers extends Array<number> {}
  const cases: Record<string, unknown> = {
    'an array with a hole': Object.assign([...numbers], { [LONG + 1]: 1 }),
    'undefined with a hole': Object.assign(Array<undefined>(LONG).fill(undefined), {
      [LONG + 1]: null,
    }),
    'nothing but holes': Array<undefined>(LONG),
    'booleans and a number': [...oddballs, 1],
    'an array with a property': Object.assign([...numbers], { unit: 'mm' }),
    'an array with anything else': [...numbers, null],
    'an array of a class': Numbers.from(numbers),
    'an array without a prototype': Object.setPrototypeOf([...numbers], null),
  };
  for (const [name, value] of Object.entries(cases)) {
    test(name, () => {
      expect([Kind.Int32s, Kind.Doubles, Kind.Oddballs]).not.toContain(kindOf(value));
      expect(sent(value)).toStrictEqual(structuredClone(value));
    });
  }

  test('a proxy, without running any code of it', () => {
    const traps: string[] = [];
    const spy = new Proxy({}, { get: (_, trap) => void traps.push(String(trap)) });
    const value = new Proxy([...numbers], spy);
    expect(primitivesOf(value, LONG)).toBeUndefined();
    expect(serializeToScratch(value, 0)).toBe(NOT_WRITTEN);
    expect(traps).toEqual([]);
  });
});
