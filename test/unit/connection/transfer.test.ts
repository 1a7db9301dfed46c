// Connections inside of values. Both ends are in this process.
import { when } from '../../support/start-methods.js';
import { readdirSync } from 'node:fs';
import { Connection, Pipe } from 'node-multiprocessing';
import { afterEach, beforeEach, expect, test } from 'vitest';

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

test('arrive as ends of their own', async () => {
  const [receiver, sender] = Pipe<string>({ duplex: false });
  await left.send({ deep: [{ sender }, new Map([['receiver', receiver]])] });
  // What is on its way does not depend on whoever sent it.
  sender.close();
  receiver.close();
  const arrived = await right.recv();
  const copies = [arrived.deep[0].sender, arrived.deep[1].get('receiver')];
  expect(copies.map((copy) => copy instanceof Connection)).toEqual([true, true]);
  expect(copies.map(({ readable, writable }) => [readable, writable])).toEqual([
    [false, true],
    [true, false],
  ]);
  await copies[0].send('hello');
  expect(await copies[1].recv()).toBe('hello');
  copies[0].close();
  await expect(copies[1].recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
  copies[1].close();
});

test('the same one twice is one end', async () => {
  const [a, b] = Pipe<string>();
  await left.send([a, a]);
  a.close();
  const [first, second] = await right.recv();
  expect(first).toBe(second);
  await first.send('x');
  expect(await b.recv()).toBe('x');
  first.close();
  b.close();
});

test('a whole pipe through itself, many times over', async () => {
  for (let i = 0; i < 50; i++) {
    const [a, b] = Pipe<number>();
    await left.send([a, b, i]);
    a.close();
    b.close();
    const [c, d, n] = await right.recv();
    await c.send(n);
    expect(await d.recv()).toBe(i);
    c.close();
    d.close();
  }
});

when(native)('as many as fit into one message, and no more', async () => {
  const pipes = Array.from({ length: 150 }, () => Pipe());
  const all = pipes.flat();
  await left.send(all.slice(0, 253));
  const arrived = await right.recv();
  expect(arrived.length).toBe(253);
  for (const connection of arrived) connection.close();
  await expect(left.send(all.slice(0, 254))).rejects.toMatchObject({ code: 'ERR_MP_OUT_OF_RANGE' });
  await left.send('goes on');
  expect(await right.recv()).toBe('goes on');
  for (const connection of all) connection.close();
});

when(native)('what is not sent or not wanted leaves no descriptor', async () => {
  const count = (): number => readdirSync('/proc/self/fd').length;
  const [a, b] = Pipe();
  const before = count();
  // Not sendable behind the connection.
  await expect(left.send([a, () => 1])).rejects.toMatchObject({ code: 'ERR_MP_SERIALIZATION' });
  expect(count()).toBe(before);
  // Given up before it began.
  const filling = left.send(Buffer.alloc(8 << 20));
  await expect(left.send(a, { timeout: 5 })).rejects.toMatchObject({ code: 'ERR_MP_TIMEOUT' });
  await right.recv();
  await filling;
  expect(count()).toBe(before);
  // Taken as bytes.
  await left.send(a);
  await right.recvBytes();
  expect(count()).toBe(before);
  a.close();
  b.close();
});

when(native)('not in the middle of a message', async () => {
  const [a, b] = Pipe<Anything>();
  const sending = a.send(Buffer.alloc(8 << 20));
  await expect(left.send(a)).rejects.toMatchObject({
    code: 'ERR_MP_SERIALIZATION',
    message: expect.stringContaining('middle of a message'),
  });
  await b.recv();
  await sending;
  await left.send(a);
  (await right.recv()).close();
  a.close();
  b.close();
});

test('a plain structured clone refuses them', () => {
  expect(() => structuredClone({ left })).toThrow();
});
