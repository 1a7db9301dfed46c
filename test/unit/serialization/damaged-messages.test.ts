// Whatever the bytes are, reading them ends in a value or in a SerializationError.
import { describe, expect, test } from 'vitest';
import { SerializationError, TimeoutError } from '../../../lib/errors.js';
import { Kind } from '../../../lib/serialization/compact-format.js';
import { registerReducer } from '../../../lib/serialization/reducers.js';
import {
  deserialize,
  deserializeInParts,
  joined,
  serialize,
  serializeInParts,
} from '../../../lib/serialization/serializer.js';

class Box {
  constructor(readonly content: unknown) {}
}
registerReducer(
  Box,
  ({ content }) => ({ content }),
  ({ content }) => new Box(content),
  'Box',
);

const messages = [
  undefined,
  12.5,
  'ascii',
  Buffer.from('abc'),
  new Uint8Array(3),
  '日本語',
  12345678901234567890n,
  { a: 1, b: [1.5, { c: 'é' }], m: new Map([[1, new Set([2])]]), d: new Date(0), r: /x/gi },
  [1, , 'x'], // eslint-disable-line no-sparse-arrays -- part of the format
  {
    bytes: Buffer.from('hello'),
    floats: new Float64Array(4),
    view: new DataView(new ArrayBuffer(3)),
  },
  { big: Buffer.alloc(40_000, 1), words: new Uint16Array(20_000) },
  new Box({ inner: new Box(1) }),
  new TimeoutError('late', { cause: new RangeError('far') }),
  { error: new TypeError('x') },
  [Object(1), new ArrayBuffer(9)],
  Array<number>(40).fill(1.5),
  Array<boolean>(40).fill(true),
].map((value) => serialize(value, undefined));

function read(bytes: Uint8Array, rest?: Uint8Array): void {
  try {
    deserialize(bytes, [], { owned: true, rest });
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    expect(error.path).toBe('message');
  }
}

function whatComesOf(bytes: Uint8Array): unknown {
  try {
    return deserialize(bytes, [], { owned: true });
  } catch (error) {
    return error instanceof SerializationError ? error.message : error;
  }
}

/** mulberry32: the same damage in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

describe('a damaged message', () => {
  test('cut anywhere', () => {
    for (const message of messages) {
      const step = Math.max(1, Math.floor(message.length / 500));
      for (let length = 0; length < message.length; length += step)
        read(message.subarray(0, length));
    }
  });

  test('with bytes changed anywhere', () => {
    const random = randomFrom(1);
    for (let round = 0; round < 20_000; round++) {
      const message = Buffer.from(messages[random(messages.length)] ?? []);
      for (let changes = 1 + random(4); changes > 0; changes--) {
        message[random(Math.min(message.length, 300))] = random(256);
      }
      read(message);
    }
  });

  test('in parts, each cut or changed anywhere', () => {
    const random = randomFrom(3);
    const values = [{ big: Buffer.alloc(40_000, 1), words: new Uint16Array(20_000) }, [1, 2, 3]];
    for (const value of [...values, new Uint8Array(80_000), Array<number>(20_000).fill(0.5)]) {
      const { front, rest } = serializeInParts(value, undefined);
      const behind = Buffer.concat(rest);
      for (let round = 0; round < 3_000; round++) {
        const before = joined(front, []).subarray(0, random(2) === 0 ? random(60) : undefined);
        const damage = Buffer.from(before);
        if (random(2) === 0) damage[random(damage.length)] = random(256);
        read(damage, behind.subarray(0, random(4) === 0 ? random(behind.length + 1) : undefined));
      }
    }
  });

  test('of random bytes after each beginning', () => {
    const random = randomFrom(2);
    const beginnings = [0xff, 0x20, ...Object.values(Kind)];
    for (let round = 0; round < 10_000; round++) {
      const message = Buffer.alloc(1 + random(40));
      for (let at = 0; at < message.length; at++) message[at] = random(256);
      // Kinds within one as well, and short lengths.
      for (let at = 1; at < message.length; at++) if (random(3) === 0) message[at] = random(20);
      message[0] = beginnings[random(beginnings.length)] ?? 0;
      if (random(2) === 0 && message.length > 1) message[1] = 0x0f;
      read(message);
      // What stands around it says nothing.
      const [one, other] = [0, 7].map((fill) => {
        const around = Buffer.alloc(message.length + 600, fill);
        message.copy(around, 8);
        return whatComesOf(around.subarray(8, 8 + message.length));
      });
      expect(one).toEqual(other);
    }
  });

  test('of a kind and random bytes behind it', () => {
    const random = randomFrom(4);
    for (let round = 0; round < 2_000; round++) {
      const rest = Buffer.alloc(random(40)).map(() => random(20));
      try {
        deserializeInParts(random(256), rest);
      } catch (error) {
        expect(error).toBeInstanceOf(SerializationError);
      }
    }
  });

  test('says what is wrong', () => {
    const reasonOf = (bytes: Uint8Array): string => {
      try {
        deserialize(bytes);
      } catch (error) {
        return (error as Error).message;
      }
      return 'nothing';
    };
    const big = serialize({ big: Buffer.alloc(40_000) }, undefined);
    expect(reasonOf(new Uint8Array(0))).toMatch(/damaged .*: it is empty/);
    expect(reasonOf(Buffer.from('HTTP/1.1'))).toMatch(/its beginning is unknown/);
    expect(reasonOf(big.subarray(0, 12))).toMatch(/it has been cut short/);
    expect(reasonOf(big.subarray(0, 30_000))).toMatch(/a byte array is longer than the message/);
    expect(reasonOf(Buffer.from([0xff, 0x0f, 0x6f]))).toMatch(/Unable to deserialize/);
    expect(reasonOf(Buffer.from([5, 1, 2]))).toMatch(/it has been cut short/);
    const [front, rest] = [Buffer.from([7, 7]), Buffer.alloc(9)];
    expect(() => deserialize(front, [], { rest })).toThrow(/its parts do not fit together/);
    for (const length of [2, 15, 17]) {
      const head = Buffer.alloc(length, Kind.AlignedBytes);
      expect(() => deserializeInParts(head, rest)).toThrow(/its parts do not fit together/);
    }
    expect(() => deserializeInParts(Kind.AlignedBytes, rest)).toThrow(/no kind of byte array/);
  });
});
