import { describe, expect, test } from 'vitest';
import { SerializationError } from '../../../lib/errors.js';
import { refuseClone, registerReducer } from '../../../lib/serialization/reducers.js';
import { deserialize, serialize } from '../../../lib/serialization/serializer.js';
import { Transfer } from '../../../lib/serialization/transfer.js';
import { BrightLamp, Lamp, NotedHandle } from './handles.js';

function send<T>(value: T): T {
  const transfer = new Transfer();
  const bytes = serialize(value, transfer);
  return deserialize(bytes, transfer.handles) as T;
}

// In the order of the file: the first group runs before any class is registered by a user.
describe('handle instances', () => {
  test('arrive as instances with their handle', () => {
    const lamp = new Lamp('desk');
    const copy = send({ lamp, list: [1, 'two'] });
    expect(copy.lamp).toBeInstanceOf(Lamp);
    expect(copy.lamp).not.toBe(lamp);
    expect(copy.lamp.label).toBe('desk');
    expect(copy.lamp.handle).toBe(lamp.handle);
    expect(copy.list).toEqual([1, 'two']);
    expect(send(new Lamp('floor')).label).toBe('floor');
  });

  test('keep aliases, cycles and everything around them', () => {
    const lamp = new Lamp('desk');
    const around = {
      lamp,
      again: [lamp],
      map: new Map<unknown, unknown>([[lamp, lamp]]),
      set: new Set([lamp]),
      date: new Date(5),
      pattern: /x/g,
      bytes: Buffer.from('bytes'),
      holes: [1, , 3], // eslint-disable-line no-sparse-arrays -- what is tested
      undefined,
      self: null as unknown,
    };
    around.self = around;
    const copy = send(around);
    expect(copy.self).toBe(copy);
    expect(copy.again[0]).toBe(copy.lamp);
    expect(copy.map.get(copy.lamp)).toBe(copy.lamp);
    expect(copy.set.has(copy.lamp)).toBe(true);
    expect(copy.date).toEqual(new Date(5));
    expect(copy.pattern).toEqual(/x/g);
    expect(Buffer.isBuffer(copy.bytes)).toBe(true);
    expect(1 in copy.holes).toBe(false);
    expect('undefined' in copy).toBe(true);
  });

  test('one instance acquires one handle per message, however often it occurs', () => {
    const lamp = new Lamp('desk');
    const transfer = new Transfer();
    serialize([lamp, lamp, { lamp }], transfer);
    expect(transfer.handles).toHaveLength(1);
  });

  test('a __proto__ key beside one stays a key', () => {
    const value = JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown>;
    value['lamp'] = new Lamp('desk');
    const copy = send(value);
    expect(Object.keys(copy)).toEqual(['__proto__', 'lamp']);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  test('a subclass travels as the nearest registered class', () => {
    expect(Object.getPrototypeOf(send(new BrightLamp('sun')))).toBe(Lamp.prototype);
  });

  test('are refused where no handles can travel', () => {
    expect(() => serialize({ a: [new Lamp('desk')] }, undefined)).toThrow(
      /^value\.a\[0\] cannot be sent to another process: it is a Lamp, which needs a way that carries/,
    );
  });

  test('plain structured clone refuses them', () => {
    expect(() => structuredClone(new Lamp('desk'))).toThrow(
      /this Lamp travels only through node-multiprocessing, to other processes, not to worker threads/,
    );
  });

  test('a handle that is missing, taken twice or no index is an error, and the rest is released', () => {
    const transfer = new Transfer();
    const bytes = serialize([new Lamp('a'), new Lamp('b')], transfer);
    const [first] = transfer.handles;
    const other = new NotedHandle();
    expect(() => deserialize(bytes, [])).toThrow(/names handle 0, but 0 came with it/);
    expect(() => deserialize(bytes, [other])).toThrow(/names handle 1, but 1 came with it/);
    expect(other.discards).toBe(0); // lamp "a" owns it
    expect(() => deserialize(bytes, [other, other])).toThrow(/uses handle 0 twice/);
    expect(first).toBeInstanceOf(NotedHandle);
    const untouched = [new NotedHandle(), new NotedHandle()];
    expect(() => deserialize(bytes.subarray(0, 20), untouched)).toThrow(SerializationError);
    expect(untouched.map(({ discards }) => discards)).toEqual([1, 1]);
  });
});

describe('registerReducer', () => {
  class Money {
    readonly #cents: bigint;
    constructor(cents: bigint) {
      this.#cents = cents;
    }
    get cents(): bigint {
      return this.#cents;
    }
  }
  class Node {
    parent: Node | undefined;
    children: Node[] = [];
  }
  class Bytes extends Uint8Array {}

  test('instances arrive as instances, nested in data of others too', () => {
    registerReducer(Money, (money) => ({ cents: money.cents }), ({ cents }) => new Money(cents), 'Money'); // prettier-ignore
    class Purse {
      constructor(readonly coins: Money[]) {}
    }
    registerReducer(Purse, ({ coins }) => coins, (coins) => new Purse(coins), 'Purse'); // prettier-ignore
    const copy = send({ purse: new Purse([new Money(5n)]), map: new Map([['m', new Money(7n)]]) });
    expect(copy.purse).toBeInstanceOf(Purse);
    expect(copy.purse.coins[0]).toBeInstanceOf(Money);
    expect(copy.purse.coins[0]?.cents).toBe(5n);
    expect(copy.map.get('m')?.cents).toBe(7n);
    expect(send(new Money(1n)).cents).toBe(1n);
  });

  test('subclasses use the reducer of their nearest registered parent', () => {
    class Euro extends Money {}
    expect(send([new Euro(3n)])[0]?.cents).toBe(3n);
    registerReducer(Euro, (euro) => euro.cents, (cents) => new Euro(cents), 'Euro'); // prettier-ignore
    expect(send([new Euro(3n)])[0]).toBeInstanceOf(Euro);
  });

  test('data may lead back to the container, but not to the instance itself', () => {
    registerReducer(
      Node,
      ({ parent, children }) => ({ parent, children }),
      (data) => Object.assign(new Node(), data),
      'Node',
    );
    const leaf = new Node();
    expect(send({ leaf }).leaf).toBeInstanceOf(Node);
    const parent = new Node();
    leaf.parent = parent;
    parent.children.push(leaf);
    expect(() => send(parent)).toThrow(/whose reducer answers data that holds the instance itself/);
  });

  test('a subclass of a byte array can have one', () => {
    registerReducer(Bytes, (bytes) => Array.from(bytes), (list) => new Bytes(list), 'Bytes'); // prettier-ignore
    expect(send({ b: new Bytes([1, 2]) }).b).toBeInstanceOf(Bytes);
    expect(send(new Bytes([1, 2]))).toBeInstanceOf(Bytes);
    expect(send({ b: new Uint8Array([1]) }).b).not.toBeInstanceOf(Bytes);
  });

  test('values without registered instances arrive as before', () => {
    const value = { a: [1, { b: new Map([[1, new Set([2])]]) }], d: new Date(1), u: undefined };
    expect(send(value)).toStrictEqual(value);
  });

  test('exotic values are still refused and not flattened', () => {
    expect(() => send({ a: [new Intl.NumberFormat()] })).toThrow(/value\.a\[0\] .*NumberFormat/);
    expect(() => send({ a: [1].values() })).toThrow(/value\.a /);
  });

  test('an error of reduce or rebuild names the class and keeps its cause', () => {
    class Shy {}
    const cause = new Error('not today');
    registerReducer(
      Shy,
      () => {
        throw cause;
      },
      () => new Shy(),
      'Shy',
    );
    expect(() => send({ shy: new Shy() })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/value\.shy .*Shy.*not today/), cause }) as Error, // prettier-ignore
    );
    class Broken {}
    registerReducer(
      Broken,
      () => 1,
      () => {
        throw cause;
      },
      'Broken',
    );
    expect(() => send({ b: new Broken() })).toThrow(
      expect.objectContaining({ message: 'cannot rebuild a Broken: not today', cause }) as Error,
    );
  });

  test('a tag that the receiver does not know says where to register it', () => {
    class Known {}
    registerReducer(Known, () => null, () => new Known(), 'known-tag'); // prettier-ignore
    const bytes = serialize([new Known()], undefined);
    const at = bytes.indexOf('known-tag');
    bytes.write('other-tag', at);
    expect(() => deserialize(bytes)).toThrow(
      /tagged "other-tag", which this process does not know: call registerReducer in the receiving/,
    );
  });

  test('checks its arguments', () => {
    class Fresh {}
    const reduce = (): null => null;
    const rebuild = (): Fresh => new Fresh();
    const register = registerReducer as (...args: unknown[]) => void;
    expect(() => register({}, reduce, rebuild, 't')).toThrow(/cls must be a function/);
    expect(() => register(Fresh, 1, rebuild, 't')).toThrow(/reduce must be a function/);
    expect(() => register(Fresh, reduce, null, 't')).toThrow(/rebuild must be a function/);
    expect(() => register(Fresh, reduce, rebuild, 5)).toThrow(/tag must be a string/);
    expect(() => register(Fresh, reduce, rebuild, '')).toThrow(RangeError);
    expect(() => register(Fresh, reduce, rebuild, 'x'.repeat(201))).toThrow(RangeError);
    expect(() => register(Fresh, reduce, rebuild, 'Money')).toThrow(/"Money" is taken by class Mo/);
    expect(() => register(Money, reduce, rebuild, 'fresh')).toThrow(/Money already has a reducer/);
    expect(() => register(Object, reduce, rebuild, 'fresh')).toThrow(/class of your own/);
    expect(() => register(() => 1, reduce, rebuild, 'fresh')).toThrow(/class of your own/);
    expect(() => register(Fresh, reduce, rebuild, 'Lamp')).not.toThrow();
  });
});

test('refuseClone may be called again by a subclass', () => {
  class Base {
    constructor() {
      refuseClone(this, 'Base');
    }
  }
  class Derived extends Base {
    constructor() {
      super();
      refuseClone(this, 'Derived');
    }
  }
  expect(Object.values(new Derived())).toHaveLength(1);
  expect(() => structuredClone(new Derived())).toThrow(/this Derived travels only/);
});
