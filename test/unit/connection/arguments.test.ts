// What a Connection accepts, what it refuses and how it says so. Both ends are in this process.
import { inspect } from 'node:util';
import { Connection, Pipe } from 'node-multiprocessing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const native = process.env['MULTIPROCESSING_BACKEND'] !== 'fallback';

/** What tests send is of every type. */
type Anything = ReturnType<JSON['parse']>;

let left: Connection<Anything>;
let right: Connection<Anything>;
beforeEach(() => {
  [left, right] = Pipe();
});
afterEach(() => {
  left.close();
  right.close();
});

const invalid = { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT' };
const range = { name: 'RangeError', code: 'ERR_MP_OUT_OF_RANGE' };

describe('waits', () => {
  test.each([-1, NaN, -Infinity])('a timeout of %s is out of range', async (timeout) => {
    await expect(left.recv({ timeout })).rejects.toMatchObject(range);
    await expect(left.send(1, { timeout })).rejects.toMatchObject(range);
    await expect(left.poll({ timeout })).rejects.toMatchObject(range);
    await expect(left.recvBytes({ timeout })).rejects.toMatchObject(range);
    expect(() => left.recvSync({ timeout })).toThrow(RangeError);
    expect(() => left.pollSync({ timeout })).toThrow(RangeError);
  });

  test.each(['1', null, true, {}])('a timeout of %j is of a wrong type', async (given) => {
    const timeout = given as never;
    await expect(left.recv({ timeout })).rejects.toMatchObject(invalid);
    expect(() => left.recvSync({ timeout })).toThrow(TypeError);
  });

  test('a wait is an object, a signal an AbortSignal', async () => {
    await expect(left.recv(5 as never)).rejects.toMatchObject(invalid);
    await expect(left.recv({ signal: {} as never })).rejects.toMatchObject(invalid);
    await expect(left.sendBytes(Buffer.alloc(1), { signal: 1 as never })).rejects.toMatchObject(
      invalid,
    );
  });
});

describe('bytes', () => {
  const bytes = Buffer.from('0123456789');

  test('are a Buffer, a typed array or a DataView', async () => {
    const numbers = new Uint32Array([1, 2, 3]);
    await left.sendBytes(numbers);
    expect(await right.recvBytes()).toEqual(Buffer.from(numbers.buffer));
    await left.sendBytes(new DataView(numbers.buffer, 4, 4));
    expect(await right.recvBytes()).toEqual(Buffer.from(numbers.buffer, 4, 4));
    for (const wrong of ['text', [1, 2], new ArrayBuffer(3), null, undefined, 7]) {
      await expect(left.sendBytes(wrong as never)).rejects.toMatchObject(invalid);
      await expect(left.recvBytesInto(wrong as never)).rejects.toMatchObject(invalid);
    }
    expect(await right.poll()).toBe(false);
  });

  test.each([new Uint8Array(4), new Float64Array(4), new DataView(new ArrayBuffer(4), 1)])(
    'of %s are refused once the memory was transferred away',
    async (view) => {
      structuredClone(view.buffer, { transfer: [view.buffer] });
      const about = (name: string): object => ({
        ...invalid,
        message: expect.stringMatching(`^${name} must be .* not transferred away`) as string,
      });
      await expect(left.sendBytes(view)).rejects.toMatchObject(about('bytes'));
      await expect(left.recvBytesInto(view)).rejects.toMatchObject(about('target'));
      expect(await right.poll()).toBe(false);
    },
  );

  test('are sent from an offset, as many as asked for', async () => {
    await left.sendBytes(bytes, { offset: 3 });
    await left.sendBytes(bytes, { offset: 3, size: 2 });
    await left.sendBytes(bytes, { size: 4 });
    await left.sendBytes(bytes, { offset: 10 });
    await left.sendBytes(bytes, { size: 0 });
    const got = [];
    for (let i = 0; i < 5; i++) got.push((await right.recvBytes()).toString());
    expect(got).toEqual(['3456789', '34', '0123', '', '']);
  });

  test.each([
    { offset: -1 },
    { offset: 11 },
    { offset: 1.5 },
    { size: -1 },
    { size: 11 },
    { offset: 4, size: 7 },
    { size: NaN },
  ])('%j is out of their range', async (options) => {
    await expect(left.sendBytes(bytes, options)).rejects.toMatchObject(range);
    expect(() => left.sendBytesSync(bytes, options)).toThrow(RangeError);
    expect(await right.poll()).toBe(false);
  });

  test('are received up to a length, and a longer message is in the error', async () => {
    await expect(right.recvBytes({ maxLength: -1 })).rejects.toMatchObject(range);
    await expect(right.recvBytes({ maxLength: '3' as never })).rejects.toMatchObject(invalid);
    await left.sendBytes(bytes);
    await left.sendBytes(bytes);
    await left.sendBytes(bytes);
    await expect(right.recvBytes({ maxLength: 9 })).rejects.toMatchObject({
      code: 'ERR_MP_BUFFER_TOO_SHORT',
      bytes,
      message: expect.stringContaining('10 bytes'),
    });
    expect(await right.recvBytes({ maxLength: 10 })).toEqual(bytes);
    expect(await right.recvBytes()).toEqual(bytes);
  });

  test('are received into an array, from an offset', async () => {
    await left.sendBytes(Buffer.from('abc'));
    const target = Buffer.from('..........');
    expect(await right.recvBytesInto(target, { offset: 6 })).toBe(3);
    expect(target.toString()).toBe('......abc.');
    const numbers = new Uint16Array(2);
    await left.sendBytes(new Uint16Array([513]));
    expect(await right.recvBytesInto(numbers, { offset: 2 })).toBe(2);
    expect([...numbers]).toEqual([0, 513]);
    for (const offset of [-1, 11, 0.5]) {
      await expect(right.recvBytesInto(target, { offset })).rejects.toMatchObject(range);
    }
  });

  test('that do not fit are in the error, whole, and the connection goes on', async () => {
    await left.sendBytes(bytes);
    await left.send('next');
    const target = Buffer.alloc(12);
    const error = await right
      .recvBytesInto(target, { offset: 3 })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'BufferTooShortError', bytes });
    expect(target).toEqual(Buffer.alloc(12));
    expect(await right.recv()).toBe('next');
  });
});

describe('a one-way pipe', () => {
  test('is [receiver, sender]', async () => {
    const [receiver, sender] = Pipe<string>({ duplex: false });
    expect([receiver.readable, receiver.writable]).toEqual([true, false]);
    expect([sender.readable, sender.writable]).toEqual([false, true]);
    await sender.send('x');
    expect(await receiver.recv()).toBe('x');
    const state = { code: 'ERR_MP_STATE', message: expect.stringContaining('the other end') };
    await expect(receiver.send('x')).rejects.toMatchObject(state);
    await expect(receiver.sendBytes(Buffer.alloc(1))).rejects.toMatchObject(state);
    expect(() => receiver.sendSync('x')).toThrow(expect.objectContaining(state));
    for (const use of ['recv', 'recvBytes', 'poll'] as const) {
      await expect(sender[use]()).rejects.toMatchObject(state);
    }
    await expect(sender.recvBytesInto(Buffer.alloc(1))).rejects.toMatchObject(state);
    expect(() => sender.recvSync()).toThrow(expect.objectContaining(state));
    expect(() => sender.pollSync()).toThrow(expect.objectContaining(state));
    receiver.close();
    sender.close();
  });

  test('is asked for by a boolean', () => {
    expect(() => Pipe({ duplex: 1 as never })).toThrow(TypeError);
    expect(() => Pipe(true as never)).toThrow(TypeError);
  });
});

describe('close', () => {
  test('is idempotent, and everything after it says so', async () => {
    expect(left.closed).toBe(false);
    left.close();
    left.close();
    expect(left.closed).toBe(true);
    const closed = { code: 'ERR_MP_CLOSED' };
    await expect(left.send(1)).rejects.toMatchObject(closed);
    await expect(left.recv()).rejects.toMatchObject(closed);
    await expect(left.poll()).rejects.toMatchObject(closed);
    await expect(left.sendBytes(Buffer.alloc(1))).rejects.toMatchObject(closed);
    await expect(left.recvBytes()).rejects.toMatchObject(closed);
    await expect(left.recvBytesInto(Buffer.alloc(1))).rejects.toMatchObject(closed);
    for (const use of ['recvSync', 'pollSync', 'recvBytesSync', 'fileno'] as const) {
      expect(() => left[use]()).toThrow(expect.objectContaining(closed));
    }
    expect(() => left.sendSync(1)).toThrow(expect.objectContaining(closed));
    await expect(right.send({ left })).rejects.toMatchObject({ code: 'ERR_MP_SERIALIZATION' });
  });

  test('is what scopes end with', async () => {
    left[Symbol.dispose]();
    await right[Symbol.asyncDispose]();
    expect([left.closed, right.closed]).toEqual([true, true]);
  });

  test('rejects whoever waits', async () => {
    const waits = [left.recv(), left.recv(), left.poll({ timeout: Infinity }), left.recvBytes()];
    left.close();
    for (const outcome of await Promise.allSettled(waits)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_MP_CLOSED' } });
    }
  });
});

test('a connection is made by Pipe() and shows what it can', () => {
  expect(() => new (Connection as unknown as new (...args: unknown[]) => unknown)()).toThrow(
    TypeError,
  );
  expect(() => new (Connection as unknown as new (...args: unknown[]) => unknown)(3)).toThrow(
    /Pipe\(\)/,
  );
  const [receiver, sender] = Pipe({ duplex: false });
  expect([left, receiver, sender].map((one) => inspect(one))).toEqual([
    'Connection { duplex }',
    'Connection { receives }',
    'Connection { sends }',
  ]);
  receiver.close();
  sender.close();
  expect(inspect(sender)).toBe('Connection { sends, closed }');
});

test.runIf(native)('fileno is its descriptor', () => {
  expect(left.fileno()).toBeGreaterThan(2);
  expect(left.fileno()).not.toBe(right.fileno());
});

test('a value that cannot be sent sends nothing', async () => {
  const unsendable = { list: [{ callback: () => 1 }] };
  await expect(left.send(unsendable)).rejects.toMatchObject({
    code: 'ERR_MP_SERIALIZATION',
    path: 'value.list[0].callback',
  });
  await left.send('next');
  expect(await right.recv()).toBe('next');
});

test('a message that is no value is an error of its own', async () => {
  await left.sendBytes(Buffer.from('not a value'));
  await left.send('next');
  await expect(right.recv()).rejects.toMatchObject({ code: 'ERR_MP_SERIALIZATION' });
  expect(await right.recv()).toBe('next');
});
