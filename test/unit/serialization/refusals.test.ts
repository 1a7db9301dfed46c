// What cannot travel is refused with its place, what it is, and the way out; nothing acquired on the way is left behind.
import { File } from 'node:buffer';
import { createSecretKey } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { BlockList, createServer, Socket, SocketAddress } from 'node:net';
import { PassThrough } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { SerializationError } from '../../../lib/errors.js';
import { deserialize, serialize } from '../../../lib/serialization/serializer.js';
import { Transfer } from '../../../lib/serialization/transfer.js';
import { Lamp, NotedHandle } from './handles.js';
import { loadNatively } from './native.js';

function refusal(value: unknown, root?: string): SerializationError {
  try {
    serialize(value, new Transfer(), root);
  } catch (error) {
    expect(error).toBeInstanceOf(SerializationError);
    return error as SerializationError;
  }
  throw new Error('it was accepted');
}

describe('the path', () => {
  const fail = (): void => undefined;
  const cases: [string, unknown][] = [
    ['value', fail],
    ['value.a.onDone', { a: { onDone: fail } }],
    ['value[0]', [fail]],
    ['value[2].x', [1, , { x: fail }]], // eslint-disable-line no-sparse-arrays -- what is tested
    ['value["with space"]', { 'with space': fail }],
    ['value["0"]', { 0: fail }],
    ['value.extra', Object.assign([1], { extra: fail })],
    ['value.map.get("k")', { map: new Map([['k', fail]]) }],
    ['value.get(3)', new Map([[3, fail]])],
    ['[...value.values()][1]', new Map<unknown, unknown>([[1, 1], [{}, fail]])], // prettier-ignore
    ['[...value.keys()][0]', new Map([[fail, 1]])],
    ['[...value.s][2]', { s: new Set<unknown>([1, 2, fail]) }],
    ['[...value][0].deep[1]', new Set([{ deep: [0, fail] }])],
    ['value.日本', { 日本: fail }],
  ];
  for (const [path, value] of cases) {
    test(path, () => {
      const error = refusal(value);
      expect(error.path).toBe(path);
      expect(error.message.startsWith(`${path} cannot be sent to another process: `)).toBe(true);
      expect(error.code).toBe('ERR_MP_SERIALIZATION');
    });
  }

  test('begins with the root that was given', () => {
    expect(refusal([{ onDone: fail }], 'args').path).toBe('args[0].onDone');
  });

  test('is found behind a cycle', () => {
    const value: Record<string, unknown> = {};
    value['self'] = value;
    value['fn'] = fail;
    expect(refusal(value).path).toBe('value.fn');
  });
});

describe('what it is', () => {
  class Widget {}
  const throwing = {
    get boom(): never {
      throw new Error('boom says no');
    },
  };
  function* generate(): Generator<number> {
    yield 1;
  }
  const argumentsOf = function (..._: unknown[]): unknown {
    return arguments; // eslint-disable-line prefer-rest-params -- what is tested
  };
  const cases: [RegExp, unknown][] = [
    [/a function "onDone";.*taskRef/, { onDone() {} }],
    [/the class "Widget";/, { Widget }],
    [/the symbol Symbol\(s\)/, { s: Symbol('s') }],
    [/a Promise; await it/, { p: Promise.resolve(1) }],
    [/a WeakMap;/, { w: new WeakMap() }],
    [/a WeakSet;/, { w: new WeakSet() }],
    [/an instance of WeakRef with private host state/, { w: new WeakRef({}) }],
    [/a Proxy;/, { p: new Proxy({}, {}) }],
    [/a SharedArrayBuffer;.*SharedMemory/, { s: new SharedArrayBuffer(8) }],
    [/a view of a SharedArrayBuffer;.*copy/, { s: new Uint8Array(new SharedArrayBuffer(8)) }],
    [/a view of a SharedArrayBuffer/, new Uint8Array(new SharedArrayBuffer(8))],
    [/a generator;/, { g: generate() }],
    [/an iterator;/, { i: new Map().keys() }],
    [/an iterator;/, { i: new Set().values() }],
    [/with private host state/, { i: [1].values() }],
    [/an instance of NumberFormat with private host state/, { n: new Intl.NumberFormat() }],
    [/an arguments object;/, { a: argumentsOf(1) }],
    [/a symbol object/, { s: Object(Symbol('s')) as object }],
    [/^value\.socket cannot.* a stream of class Socket;/, { socket: new Socket() }],
    [/^value\.out cannot.* a stream of class PassThrough;/, { out: new PassThrough() }],
    [
      /^value\.server cannot.* a server of class Server;.*address/,
      { server: createServer(() => undefined) },
    ],
    [/^value\._events\.tick cannot.* a function/, new EventEmitter().on('tick', () => undefined)],
    [/a getter that throws; it says: boom says no/, throwing],
  ];
  for (const [pattern, value] of cases) {
    test(pattern.source, () => {
      expect(refusal(value).message).toMatch(pattern);
    });
  }

  test('an object backed by native code', () => {
    const { port1, port2 } = new MessageChannel();
    try {
      const error = refusal({ list: [port1] });
      expect(error.path).toBe('value.list[0]');
      expect(error.message).toMatch(/an instance of MessagePort with private host state/);
    } finally {
      port1.close();
      port2.close();
    }
  });

  test('a module namespace', async () => {
    const namespace = await loadNatively('node:path');
    expect(refusal({ namespace }).message).toMatch(/a module namespace/);
  });

  test('a proxy whose every trap throws', () => {
    const traps = new Proxy({}, {
      get() {
        throw new Error('trapped');
      },
    }); // prettier-ignore
    const hostile = new Proxy({}, traps);
    expect(refusal({ hostile }).path).toBe('value.hostile');
    expect(refusal(hostile).path).toBe('value');
  });

  test('a value nested too deeply', () => {
    let value: unknown = null;
    for (let depth = 0; depth < 200_000; depth++) value = [value];
    expect(refusal(value).message).toMatch(/nested too deeply/);
  });

  test('a detached ArrayBuffer', () => {
    const buffer = new ArrayBuffer(8);
    structuredClone(buffer, { transfer: [buffer] });
    const deep = { list: [new ArrayBuffer(1), { buffer }] };
    expect(refusal(deep).path).toBe('value.list[1].buffer');
    expect(refusal(deep).message).toMatch(/a detached ArrayBuffer;.*transferred/);
    expect(refusal(Object.assign(deep, { error: new Error('replaced') })).path).toBe(
      'value.list[1].buffer',
    );
  });

  test('a view of a detached ArrayBuffer', () => {
    const view = new Uint8Array(8);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    expect(refusal(new Map([['view', view]]))).toMatchObject({
      path: 'value.get("view")',
      message: expect.stringMatching(/a view of a detached ArrayBuffer/) as string,
    });
  });

  test('an object of the engine that was given properties, behind a cycle', () => {
    const value: Record<string, unknown> = {};
    value['child'] = { parent: value };
    value['format'] = Object.assign(new Intl.NumberFormat(), { label: 'EUR' });
    expect(refusal(value)).toMatchObject({
      path: 'value.format',
      message: expect.stringMatching(
        /an instance of NumberFormat with private host state/,
      ) as string,
    });
  });

  test('the cause is what a getter threw', () => {
    expect(refusal(throwing).cause).toBeInstanceOf(Error);
  });
});

function emptyModule(): object {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Module: new (bytes: Uint8Array) => object };
  };
  return new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
}

describe("an object of one of Node's classes that V8 alone writes as an empty object", () => {
  class Page extends URL {}
  const cases: [RegExp, unknown][] = [
    [/an instance of Blob with private host state; send its bytes/, new Blob(['abc'])],
    [/an instance of File .* send its bytes/, new File(['abc'], 'name')],
    [/an instance of BlockList .* send its rules/, new BlockList()],
    [/an instance of SocketAddress .* send its address/, new SocketAddress({})],
    [/an instance of URL .* send its href/, new URL('https://example.org/a')],
    [/an instance of Page .* send its href/, new Page('https://example.org/a')],
    [/an instance of URLSearchParams .* send its text/, new URLSearchParams('a=1')],
    [/an instance of Headers .* send its entries/, new Headers({ a: 'b' })],
    [/an instance of FormData .* send its entries/, new FormData()],
    [/an instance of Request .* send its url/, new Request('https://example.org/a')],
    [/an instance of Response .* send its status/, new Response('body')],
    [/an instance of MessageEvent .* send its data/, new MessageEvent('message', {})],
    [/an instance of ReadableStream .* send what is read/, new ReadableStream()],
    [/an instance of WritableStream .* send the data/, new WritableStream()],
    [/an instance of SecretKeyObject .* send what its export/, createSecretKey(Buffer.from('k'))],
  ];
  for (const [pattern, value] of cases) {
    test(pattern.source, () => {
      expect(refusal(value)).toMatchObject({ path: 'value', message: expect.stringMatching(pattern) as string }); // prettier-ignore
      expect(refusal([new Map([['where', value]])], 'args').path).toBe('args[0].get("where")');
      // In more than fits a short search.
      expect(refusal({ text: '\u3042{'.repeat(5000), value }).path).toBe('value.value');
      expect(refusal({ error: new Error('walked'), value }).path).toBe('value.value');
    });
  }

  test('a CryptoKey', async () => {
    const algorithm = { name: 'AES-GCM', length: 128 };
    const key = await crypto.subtle.generateKey(algorithm, true, ['encrypt']);
    expect(refusal({ key })).toMatchObject({
      path: 'value.key',
      message: expect.stringMatching(/exportKey/) as string,
    });
  });

  test('with properties of its own, which V8 would send alone', () => {
    const value = Object.assign(new URL('https://example.org/a'), { seen: true });
    expect(refusal(value)).toMatchObject({ path: 'value', message: expect.stringMatching(/send its href/) as string }); // prettier-ignore
    expect(refusal({ list: [1, { value }] }).path).toBe('value.list[1].value');
    expect(refusal({ error: new Error('walked'), of: new Map([['a', value]]) }).path).toBe(
      'value.of.get("a")',
    );
  });

  test('a WebAssembly.Module, of which V8 writes nothing', () => {
    const value = emptyModule();
    expect(refusal(value)).toMatchObject({ path: 'value', message: expect.stringMatching(/send the bytes that it was compiled from/) as string }); // prettier-ignore
    expect(refusal([{ deep: { value } }], 'args').path).toBe('args[0].deep.value');
    expect(refusal({ error: new Error('walked'), list: [new Set([value])] }).path).toBe(
      '[...value.list[0]][0]',
    );
  });

  test('deep in a property of an error does not travel, and the error does', () => {
    const url = new URL('https://example.org/a');
    const error = Object.assign(new Error('failed'), {
      a: { list: [new Map([['where', url]])] },
      b: Object.assign(url, { seen: true }),
      c: [emptyModule()],
      d: { list: [new Map([['when', new Date(0)]])] },
    });
    const copy = deserialize(serialize(error, undefined)) as Record<string, unknown>;
    expect(copy).toMatchObject({ d: error.d });
    expect(copy['[unclonable]']).toEqual([
      'a: an instance of Object',
      'b: an instance of URL',
      'c: an instance of Array',
    ]);
  });

  test('as a property of an error does not travel, and the error does', () => {
    const where = new URL('https://example.org/a');
    const error = Object.assign(new Error('failed'), { where, map: new Map([[1, 2]]), empty: {} });
    const copy = deserialize(serialize(error, undefined)) as Record<string, unknown>;
    expect(copy['where']).toBeUndefined();
    expect(copy).toMatchObject({ map: new Map([[1, 2]]), empty: {} });
    expect(copy['[unclonable]']).toEqual(['where: an instance of URL']);
  });
});

describe('an instance of a class of the program', () => {
  class Private {
    readonly #secret = 1;
    get secret(): number {
      return this.#secret;
    }
  }
  class Headers {}
  class Tagged {
    get [Symbol.toStringTag](): string {
      return 'URL';
    }
  }
  for (const value of [new Private(), new Headers(), new Tagged(), Object.create({}) as object]) {
    test(`without properties arrives as an empty object: ${value.constructor.name}`, () => {
      expect(deserialize(serialize({ value }, undefined))).toEqual({ value: {} });
      expect(deserialize(serialize(value, undefined))).toEqual({});
    });
  }

  test('has its getters asked once', () => {
    let asked = 0;
    class Counting {
      constructor() {
        Object.defineProperty(this, 'n', { enumerable: true, get: () => (asked += 1) });
      }
    }
    expect(deserialize(serialize(new Counting(), undefined))).toEqual({ n: 1 });
  });
});

describe('handles of a refused value', () => {
  test('are released, those acquired before stay', () => {
    const transfer = new Transfer();
    const before = new NotedHandle();
    transfer.add(before);
    const lamp = new Lamp('desk');
    expect(() => serialize({ lamp, fn: () => 1 }, transfer)).toThrow(/value\.fn/);
    expect((lamp.handle as NotedHandle).discards).toBe(1);
    expect(before.discards).toBe(0);
    expect(transfer.handles).toEqual([before]);
  });

  test('discard releases each once', () => {
    const transfer = new Transfer();
    const handles = [new NotedHandle(), new NotedHandle()];
    expect(handles.map((handle) => transfer.add(handle))).toEqual([0, 1]);
    transfer.discard();
    transfer.discard();
    expect(handles.map(({ discards }) => discards)).toEqual([1, 1]);
    expect(transfer.handles).toEqual([]);
  });
});
