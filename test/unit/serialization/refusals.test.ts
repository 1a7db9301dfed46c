// What cannot travel is refused with its place, what it is, and the way out; nothing acquired on the way is left behind.
import { EventEmitter } from 'node:events';
import { createServer, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { SerializationError } from '../../../lib/errors.js';
import { serialize } from '../../../lib/serialization/serializer.js';
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
