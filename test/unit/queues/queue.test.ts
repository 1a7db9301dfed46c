// Python's manners over what a backend keeps: what is asked of it, and what becomes of its answers.
import { expect, test } from 'vitest';
import type { Message, TransferHandle } from '../../../lib/backend/contract.js';
import { QueueOutcome } from '../../../lib/backend/queue-contract.js';
import { discardItem, writeLong } from '../../../lib/queues/items.js';
import { registerHandleReducer, registerReducer } from '../../../lib/serialization/reducers.js';
import { FakeHandle, queueOver } from './fake-handle.js';

/** Travels with a handle, and counts how many of those were let go. */
class Carried {
  static discarded = 0;
  /** Looked at while it is being encoded. */
  whileEncoded: (() => void) | undefined;
  readonly guard = (): void => undefined;
}
registerHandleReducer<Carried, number>('Carried', Carried, {
  reduce(value, transfer) {
    value.whileEncoded?.();
    let discarded = false;
    const handle: TransferHandle = {
      discard() {
        if (!discarded) Carried.discarded += 1;
        discarded = true;
      },
    };
    return transfer.add(handle);
  },
  rebuild: () => new Carried(),
});

class Undecodable {}
registerReducer(
  Undecodable,
  () => 0,
  () => {
    throw new Error('not here');
  },
  'unit: undecodable',
);

test('what is put at once is asked of the backend once, in the same turn', async () => {
  const handle = new FakeHandle();
  const queue = queueOver<number>(handle);
  const put = queue.put(1);
  expect(handle.messages).toHaveLength(1);
  await put;
  expect(queue.putNowait(2)).toBeUndefined();
  expect(handle.calls).toEqual(['put undefined', 'putSync 0']);
  const got = queue.get();
  expect(handle.messages).toHaveLength(1);
  expect([await got, queue.getNowait()]).toEqual([1, 2]);
});

test('options become what the backend knows', async () => {
  const handle = new FakeHandle();
  const queue = queueOver<number>(handle);
  await queue.put(1, { block: false, timeout: 9 });
  await queue.put(1, { timeout: 9 });
  queue.putSync(1);
  queue.putSync(1, { timeout: 9 });
  queue.putSync(1, { timeout: 9, block: false });
  queue.getSync();
  queue.getSync({ timeout: 7 });
  queue.getSync({ block: false });
  expect(handle.calls).toEqual([
    'put 0',
    'put 9',
    'putSync Infinity',
    'putSync 9',
    'putSync 0',
    'getSync Infinity',
    'getSync 7',
    'getSync 0',
  ]);
});

test.each([
  ['full', QueueOutcome.TimedOut, 'ERR_MP_QUEUE_FULL'],
  ['full, later', Promise.resolve(QueueOutcome.TimedOut), 'ERR_MP_QUEUE_FULL'],
  ['closed', QueueOutcome.Closed, 'ERR_MP_QUEUE_CLOSED'],
  ['out of memory', Object.assign(new Error('no'), { code: 'ENOSPC' }), 'ENOSPC'],
])('what travels with an item that is not put is let go: %s', async (_, refusal, code) => {
  const handle = new FakeHandle();
  const queue = queueOver<unknown>(handle);
  handle.refusal = refusal;
  const before = Carried.discarded;
  await expect(queue.put([new Carried(), new Carried()])).rejects.toMatchObject({ code });
  expect(Carried.discarded - before).toBe(2);
  if (refusal instanceof Promise) return;
  expect(() => queue.putNowait(new Carried())).toThrow(expect.objectContaining({ code }) as Error);
  expect(Carried.discarded - before).toBe(3);
  await expect(queue.putMany([new Carried()])).rejects.toMatchObject({ code });
  expect(Carried.discarded - before).toBe(4);
});

test('what travels with an item that is put is not', async () => {
  const handle = new FakeHandle();
  const before = Carried.discarded;
  await queueOver<unknown>(handle).put(new Carried());
  expect(handle.messages[0]?.handles).toHaveLength(1);
  expect(Carried.discarded).toBe(before);
});

test('an item that is put while another is being encoded has handles of its own', () => {
  const outer = new Carried();
  let inner: Message | undefined;
  outer.whileEncoded = () => {
    inner = writeLong([new Carried(), new Carried()]);
  };
  const message = writeLong({ outer });
  expect([message.handles.length, inner?.handles.length]).toEqual([1, 2]);
  expect(writeLong('plain').handles).toHaveLength(0);
  const before = Carried.discarded;
  discardItem(message);
  expect(Carried.discarded - before).toBe(1);
});

test('putMany makes ready no more than it must, and puts what it made ready before it fails', async () => {
  const handle = new FakeHandle();
  const queue = queueOver<unknown>(handle);
  let made = 0;
  handle.room = 100;
  function* endless(): Generator<number> {
    for (;;) {
      made += 1;
      yield made;
    }
  }
  await expect(queue.putMany(endless(), { timeout: 0 })).rejects.toMatchObject({
    code: 'ERR_MP_QUEUE_FULL',
    put: 100,
  });
  expect(made).toBe(128);
  expect(handle.calls).toEqual(['putScratch 64: 64', 'putScratch 64: 36', 'put 0']);
  handle.messages.length = 0;
  made = 0;
  const large = Array.from({ length: 5 }, () => Buffer.alloc(40_000));
  handle.calls.length = 0;
  await queue.putMany(large);
  expect(handle.calls).toEqual(Array(5).fill('putScratch 1: 1'));
});

test('putMany closes the iterable that it leaves', async () => {
  const queue = queueOver<number>(new FakeHandle());
  queue.close();
  let left = false;
  function* items(): Generator<number> {
    try {
      for (let i = 0; i < 1000; i += 1) yield i;
    } finally {
      left = true;
    }
  }
  await expect(queue.putMany(items())).rejects.toMatchObject({ put: 0 });
  expect(left).toBe(false);
  const full = new FakeHandle();
  full.room = 3;
  await expect(queueOver<number>(full).putMany(items(), { timeout: 0 })).rejects.toMatchObject({
    put: 3,
  });
  expect(left).toBe(true);
});

test('a signal that is aborted when putMany is called is told as any other', async () => {
  const handle = new FakeHandle();
  const reason = Object.freeze(new Error('before'));
  const signal = AbortSignal.abort(reason);
  await expect(queueOver<number>(handle).putMany([1], { signal })).rejects.toMatchObject({
    code: 'ERR_MP_CANCELLED',
    cause: reason,
    put: 0,
  });
  expect(handle.calls).toEqual([]);
});

test('of several items those that are understood come first, and each other is thrown once', async () => {
  const handle = new FakeHandle();
  const queue = queueOver<unknown>(handle);
  await queue.putMany([new Undecodable(), 1, new Undecodable(), 2]);
  expect(await queue.getMany(4)).toEqual([1, 2]);
  await queue.put(3);
  const notHere = { code: 'ERR_MP_SERIALIZATION' };
  await expect(queue.get()).rejects.toMatchObject(notHere);
  await expect(queue.getMany(2)).rejects.toMatchObject(notHere);
  expect(await queue.get()).toBe(3);
  await queue.putMany([new Undecodable(), new Undecodable()]);
  expect(() => queue.getManySync(2)).toThrow('not here');
  expect(() => queue.getSync()).toThrow('not here');
  await expect(queue.get({ timeout: 0 })).rejects.toMatchObject({ code: 'ERR_MP_QUEUE_EMPTY' });
});

test('iteration ends with the queue, and with nothing else', async () => {
  const handle = new FakeHandle();
  const queue = queueOver<number>(handle);
  await queue.putMany([1, 2]);
  queue.close();
  const items: number[] = [];
  for await (const item of queue) items.push(item);
  expect(items).toEqual([1, 2]);
  handle.closed = false;
  await expect(queue[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'ERR_MP_QUEUE_EMPTY',
  });
});

test('full looks at maxSize', () => {
  const handle = new FakeHandle({ maxSize: 2 });
  const queue = queueOver<number>(handle);
  queue.putNowait(1);
  expect(queue.full()).toBe(false);
  queue.putNowait(2);
  expect([queue.full(), queue.qsize(), queue.empty()]).toEqual([true, 2, false]);
});
