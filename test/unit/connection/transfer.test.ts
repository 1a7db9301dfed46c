// Connections inside of values. Both ends are in this process.
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

test.runIf(native)('three hundred in one message', async () => {
  const pipes = Array.from({ length: 150 }, () => Pipe());
  const all = pipes.flat();
  await left.send(all);
  for (const connection of all) connection.close();
  const arrived = await right.recv();
  expect(arrived.length).toBe(300);
  await arrived[0].send('first');
  expect(await arrived[1].recv()).toBe('first');
  for (const connection of arrived) connection.close();
});

test('what is not sent or not wanted is closed', async () => {
  const [a, b] = Pipe();
  // Not sendable behind the connection.
  await expect(left.send([a, () => 1])).rejects.toMatchObject({ code: 'ERR_MP_SERIALIZATION' });
  // Taken as bytes.
  await left.send(a);
  await right.recvBytes();
  a.close();
  await expect(b.recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
  b.close();
});

test.runIf(native)('what was given up before there was room for it is closed', async () => {
  const [a, b] = Pipe();
  await left.send(Buffer.alloc(8 << 20));
  await expect(left.send(a, { timeout: 5 })).rejects.toMatchObject({ code: 'ERR_MP_TIMEOUT' });
  await expect(left.send(a, { timeout: 0 })).rejects.toMatchObject({ code: 'ERR_MP_TIMEOUT' });
  a.close();
  await expect(b.recv()).rejects.toMatchObject({ code: 'ERR_MP_END_OF_FILE' });
  b.close();
  await right.recv();
  expect(await right.poll()).toBe(false);
});

test.runIf(native)('while messages of its own wait for room', async () => {
  const [a, b] = Pipe<Anything>();
  await a.send(Buffer.alloc(8 << 20));
  const waiting = a.send('waits');
  await left.send(a);
  const copy = await right.recv();
  await b.recv();
  await waiting;
  expect(await b.recv()).toBe('waits');
  await copy.send('from the copy');
  expect(await b.recv()).toBe('from the copy');
  for (const one of [a, b, copy]) one.close();
});

test('a plain structured clone refuses them', () => {
  expect(() => structuredClone({ left })).toThrow();
});
