// Byte arrays of middling length are received in arrays that were made several at a time: nobody may notice.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { copyOf } from '../../../lib/serialization/copy-of.js';
import { deserialize, serialize } from '../../../lib/serialization/serializer.js';

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

/** As many as it takes for arrays to be made ahead, and to run out of them. */
const MANY = 100;

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('arrays that are received', () => {
  test.each([0, 1, 1023, 1024, 4096, 8192, 8193, 100_000])(
    'of %i bytes each have memory of their own',
    (length) => {
      const got = Array.from({ length: MANY }, (_, i) => copyOf(filled(length, i)));
      for (const [i, array] of got.entries()) {
        expect(array.buffer.byteLength).toBe(length);
        expect(Buffer.compare(array, filled(length, i))).toBe(0);
      }
      expect(new Set(got.map(({ buffer }) => buffer)).size).toBe(MANY);
    },
  );

  test('of changing lengths are as long as they should be', () => {
    // 32 are made at a time once 32 have come: some of these streaks end before that, some with arrays left over.
    const streaks = [
      [4096, 40],
      [2048, 40],
      [4096, 33],
      [8192, 1],
      [100, 3],
      [4096, 100],
      [1024, 32],
      [4096, 65],
    ] as const;
    for (const [length, count] of streaks) {
      for (let i = 0; i < count; i += 1) {
        const array = copyOf(filled(length, i));
        expect(array.buffer.byteLength).toBe(length);
        expect(Buffer.compare(array, filled(length, i))).toBe(0);
      }
    }
  });

  test('can be given away, each by itself', () => {
    const got = Array.from({ length: MANY }, (_, i) => copyOf(filled(4096, i)));
    for (const [i, array] of got.entries()) {
      if (i % 2 === 0) structuredClone(array, { transfer: [array.buffer] });
    }
    expect(got.map(({ length }) => length)).toEqual(got.map((_, i) => (i % 2 === 0 ? 0 : 4096)));
    const next = copyOf(filled(4096, 0xee));
    expect(Buffer.compare(next, filled(4096, 0xee))).toBe(0);
  });

  test('within other values are of their class', () => {
    for (let i = 0; i < MANY; i += 1) {
      const value = { numbers: new Float64Array(512).fill(i), bytes: filled(4096, i) };
      const { numbers, bytes } = deserialize(serialize(value, undefined)) as typeof value;
      expect([numbers, bytes]).toEqual([value.numbers, value.bytes]);
      expect(numbers.buffer).not.toBe(bytes.buffer);
      expect([numbers.buffer.byteLength, bytes.buffer.byteLength]).toEqual([4096, 4096]);
    }
  });

  test('come one by one where there is no memory for several', () => {
    for (let i = 0; i < 33; i += 1) copyOf(filled(5000, i));
    let made = 0;
    const Real = Uint8Array;
    vi.stubGlobal(
      'Uint8Array',
      class extends Real {
        constructor(given: number | Uint8Array) {
          super(given as number);
          made += 1;
          if (typeof given === 'number' && made > 10)
            throw new RangeError('Array buffer allocation failed');
        }
      },
    );
    const source = Real.from({ length: 5000 }, () => 7);
    for (let i = 0; i < 2 * MANY; i += 1) expect(copyOf(source)[4999]).toBe(7);
    expect(made).toBeGreaterThan(MANY);
  });
});
