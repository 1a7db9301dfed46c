// Order, waiting and taking back. Both ends are in this process.
import { getEventListeners } from 'node:events';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { type Connection, Pipe } from 'node-multiprocessing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const native = process.env['MULTIPROCESSING_BACKEND'] !== 'fallback';
/** More than any socket buffer. */
const LARGE = 8 * 1024 * 1024;

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

const timedOut = { code: 'ERR_MP_TIMEOUT' };

test('values come in the order they were sent, to receivers in the order they asked', async () => {
  const early = [right.recv(), right.recv(), right.recv()];
  for (let i = 0; i < 6; i++) await left.send(i);
  expect(await Promise.all([...early, right.recv(), right.recv(), right.recv()])).toEqual([
    0, 1, 2, 3, 4, 5,
  ]);
});

test('both directions are independent', async () => {
  const large = Buffer.alloc(LARGE, 1);
  const [atLeft, atRight] = await Promise.all([
    left.recv(),
    right.recv(),
    left.send(large),
    right.send(large),
  ]);
  expect(atLeft.equals(large) && atRight.equals(large)).toBe(true);
});

test('large and small messages sent at once keep their order', async () => {
  const sent = [];
  for (let i = 0; i < 40; i++)
    sent.push(left.send({ i, fill: Buffer.alloc(i % 3 === 0 ? 300_000 : 10, i) }));
  for (let i = 0; i < 40; i++) {
    const got = await right.recv();
    expect(got.i).toBe(i);
    expect(got.fill.every((byte: number) => byte === i)).toBe(true);
  }
  await Promise.all(sent);
});

test('every value is iterated until the other end is closed', async () => {
  for (const value of ['a', 'b', 'c']) await left.send(value);
  left.close();
  const got = [];
  for await (const value of right) got.push(value);
  expect(got).toEqual(['a', 'b', 'c']);
  await expect(right.recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
  await expect(right.recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
});

test('sending when the other end is closed is a broken pipe', async () => {
  right.close();
  // The fallback hears of the close from its event loop.
  await sleep(20);
  await expect(left.send(1)).rejects.toMatchObject({ code: 'ERR_MP_BROKEN_PIPE' });
  await expect(left.send(Buffer.alloc(LARGE))).rejects.toMatchObject({
    code: 'ERR_MP_BROKEN_PIPE',
  });
});

test('an end that closes without having read everything is an end like any other', async () => {
  await left.send('never read');
  await right.send('last');
  const [first, second, polled] = [left.recv(), left.recv(), left.poll({ timeout: Infinity })];
  expect(await first).toBe('last');
  right.close();
  await expect(second).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
  expect(await polled).toBe(true);
  await expect(left.recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
  await expect(left.send('x')).rejects.toMatchObject({ code: 'ERR_MP_BROKEN_PIPE' });
});

describe('recv', () => {
  test('gives up after its time and not before, and takes nothing', async () => {
    const before = performance.now();
    await expect(right.recv({ timeout: 30 })).rejects.toMatchObject(timedOut);
    expect(performance.now() - before).toBeGreaterThanOrEqual(29);
    await expect(right.recv({ timeout: 0 })).rejects.toMatchObject(timedOut);
    await left.send('x');
    expect(await right.recv({ timeout: 1000 })).toBe('x');
  });

  test('is given up by its signal, before, while and after waiting', async () => {
    const reason = new Error('enough');
    await expect(right.recv({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = right.recv({ signal: controller.signal });
    const other = right.recv();
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await left.send('x');
    expect(await other).toBe('x');
  });

  test('ten thousand of them are given up at once and leave no trace', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const controller = new AbortController();
    const { signal } = controller;
    const waits = Array.from({ length: 10_000 }, () => right.recv({ signal }));
    await turn();
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    const reason = new Error('enough');
    controller.abort(reason);
    const outcomes = await Promise.allSettled(waits);
    expect(outcomes.every((o) => o.status === 'rejected' && o.reason === reason)).toBe(true);
    expect(getEventListeners(signal, 'abort').length).toBe(0);
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    await left.send('x');
    expect(await right.recv()).toBe('x');
  });

  test('of a message that is always there lets the event loop run', async () => {
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const rounds = 5000;
    for (let i = 0; i < rounds; i++) {
      await left.send(i);
      expect(await right.recv()).toBe(i);
    }
    done = true;
    expect(turns).toBeGreaterThan(5);
  });
});

describe('poll', () => {
  test('answers at once, waits as long as it is told, takes nothing', async () => {
    expect(await right.poll()).toBe(false);
    expect(await right.poll({ timeout: 0 })).toBe(false);
    const before = performance.now();
    expect(await right.poll({ timeout: 20 })).toBe(false);
    expect(performance.now() - before).toBeGreaterThanOrEqual(19);
    const waiting = [right.poll({ timeout: Infinity }), right.poll({ timeout: 5000 })];
    await left.send('x');
    expect(await Promise.all(waiting)).toEqual([true, true]);
    expect(await right.poll({ timeout: 1000 })).toBe(true);
    expect(await right.recv()).toBe('x');
    expect(await right.poll()).toBe(false);
  });

  test('is true at the end', async () => {
    const waiting = right.poll({ timeout: Infinity });
    left.close();
    expect(await waiting).toBe(true);
    await expect(right.recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
    expect(await right.poll()).toBe(true);
  });

  test('sees a message larger than any socket, and is not true for a part of it', async () => {
    const large = Buffer.alloc(LARGE, 3);
    const sent = left.send(large);
    expect(await right.poll({ timeout: 5000 })).toBe(true);
    expect((await right.recv({ timeout: 0 })).equals(large)).toBe(true);
    await sent;
  });

  test('is given up by its signal', async () => {
    const controller = new AbortController();
    const waiting = right.poll({ timeout: Infinity, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe.runIf(native)('send, when the other end does not read', () => {
  /** There is no room for another message behind it. */
  function fill(): Promise<void> {
    return left.send(Buffer.alloc(LARGE, 9));
  }

  test('gives up after its time, and nothing of it is sent', async () => {
    const first = fill();
    const before = performance.now();
    await expect(left.send('never', { timeout: 30 })).rejects.toMatchObject(timedOut);
    expect(performance.now() - before).toBeGreaterThanOrEqual(29);
    await expect(left.send('never', { timeout: 0 })).rejects.toMatchObject(timedOut);
    await expect(left.send('never', { signal: AbortSignal.timeout(10) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const last = left.send('last');
    expect((await right.recv()).length).toBe(LARGE);
    expect(await right.recv()).toBe('last');
    await Promise.all([first, last]);
  });

  test('a message that was begun is finished, whatever its time and its signal say', async () => {
    const controller = new AbortController();
    const sent = left.send(Buffer.alloc(LARGE, 5), { timeout: 10, signal: controller.signal });
    await sleep(30);
    controller.abort();
    expect((await right.recv()).length).toBe(LARGE);
    await sent;
  });

  test('close finishes what was begun and rejects the rest', async () => {
    const begun = fill();
    const waiting = left.send('never');
    left.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_MP_CLOSED' });
    expect(left.closed).toBe(true);
    expect((await right.recv()).length).toBe(LARGE);
    await begun;
    await expect(right.recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
  });

  test('a reader that leaves breaks the pipe of who waits for room', async () => {
    await fill();
    const outcomes = Promise.allSettled([left.send('never'), left.send('never either')]);
    await turn();
    right.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_MP_BROKEN_PIPE' } });
    }
  });

  test('what is sent may be changed and taken away as soon as it is in the pipe', async () => {
    const bytes = new Uint8Array(LARGE).fill(7);
    const sent = left.sendBytes(bytes);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    await sent;
    expect((await right.recvBytes()).every((byte) => byte === 7)).toBe(true);
  });
});

describe.runIf(native)('the blocking forms', () => {
  test('have the same outcomes', () => {
    left.sendSync({ a: 1 });
    expect(right.pollSync()).toBe(true);
    expect(right.recvSync()).toEqual({ a: 1 });
    left.sendBytesSync(Buffer.from('abc'), { offset: 1 });
    expect(right.recvBytesSync().toString()).toBe('bc');
    left.sendBytesSync(Buffer.from('abc'));
    const target = new Uint8Array(5);
    expect(right.recvBytesIntoSync(target, { offset: 1 })).toBe(3);
    expect([...target]).toEqual([0, 97, 98, 99, 0]);
    left.sendBytesSync(Buffer.from('abc'));
    expect(() => right.recvBytesSync({ maxLength: 2 })).toThrow(/3 bytes/);
    left.close();
    expect(right.pollSync({ timeout: Infinity })).toBe(true);
    expect(() => right.recvSync()).toThrow(expect.objectContaining({ code: 'ERR_MP_END_OF_FILE' }));
  });

  test('wait as long as they are told', () => {
    for (const wait of [
      () => expect(right.pollSync({ timeout: 25 })).toBe(false),
      () =>
        expect(() => right.recvSync({ timeout: 25 })).toThrow(expect.objectContaining(timedOut)),
    ]) {
      const before = performance.now();
      wait();
      expect(performance.now() - before).toBeGreaterThanOrEqual(24);
    }
    expect(right.pollSync()).toBe(false);
    expect(() => right.recvSync({ timeout: 0 })).toThrow(expect.objectContaining(timedOut));
  });

  test('take their turn after those who wait in the event loop', async () => {
    const first = right.recv();
    left.sendSync(1);
    left.sendSync(2);
    expect(right.recvSync()).toBe(2);
    expect(await first).toBe(1);

    const sent = [left.send(Buffer.alloc(100_000, 1)), left.send('async')];
    left.sendSync('sync');
    expect((await right.recv()).length).toBe(100_000);
    expect([await right.recv(), await right.recv()]).toEqual(['async', 'sync']);
    await Promise.all(sent);
  });
});
