// Queues at the broker, where frames cross on the wire and processes die in between.
import { afterEach, expect, test, vi } from 'vitest';
import type { Channel, Message, TransferHandle } from '../../../lib/backend/contract.js';
import { FallbackQueues } from '../../../lib/backend/fallback/queues/index.js';
import {
  QueueOutcome,
  type QueueHandle,
  type QueueShape,
} from '../../../lib/backend/queue-contract.js';
import { scratch } from '../../../lib/base/scratch.js';
import { SimulatedTree, type SimulatedProcess } from './simulated-tree.js';

const FOR_EVER = {};
const { Done, TimedOut, Closed } = QueueOutcome;

// Every simulated process listens for the end of this one.
process.setMaxListeners(0);

afterEach(() => {
  vi.restoreAllMocks();
});

type There = [SimulatedProcess, QueueHandle];

const message = (text: string): Message => ({ bytes: Buffer.from(text), handles: [] });
const decode = (bytes: Buffer, start: number, end: number): string =>
  bytes.toString('utf8', start, end);

/** Answers that are there already, and others. */
function all<T>(answers: readonly (T | Promise<T>)[]): Promise<Awaited<T>[]> {
  return Promise.all(answers.map((answer) => Promise.resolve(answer)));
}

/** A queue of the root's, and the same in each of its children. */
async function shared(
  shape: Partial<QueueShape>,
  children: number,
  seed = 7,
): Promise<{ tree: SimulatedTree; own: QueueHandle; there: There[] }> {
  const tree = new SimulatedTree(seed);
  const own = new FallbackQueues(tree.root.router).create({
    maxSize: 0,
    maxBytes: 0,
    onConsumerDied: undefined,
    ...shape,
  });
  const there: There[] = [];
  for (let made = 0; made < children; made += 1) {
    there.push(await child(tree, own, tree.root));
  }
  return { tree, own, there };
}

async function child(
  tree: SimulatedTree,
  queue: QueueHandle,
  parent: SimulatedProcess,
): Promise<There> {
  const process = tree.spawn(parent);
  const handle = queue.toTransfer().handle as TransferHandle;
  const sent = parent.lines.get(process)?.send({ bytes: new Uint8Array(), handles: [handle] }, {});
  const received = (process.control as Channel).recv({});
  await tree.run();
  await sent;
  const { handles } = await received;
  return [process, new FallbackQueues(process.router).fromTransfer(undefined, handles[0])];
}

test('in the first process nothing needs a promise', async () => {
  const { own } = await shared({ maxSize: 1, onConsumerDied: 'redeliver' }, 0);
  expect(own.put(message('a'), FOR_EVER)).toBe(Done);
  expect(own.put(message('b'), { timeout: 0 })).toBe(TimedOut);
  expect(own.putSync(message('b'), 0)).toBe(TimedOut);
  expect([own.size(), own.unfinished(), own.pollSync(0), own.poll(FOR_EVER)]).toEqual([
    1,
    1,
    true,
    true,
  ]);
  expect(own.get(decode, FOR_EVER)).toEqual({ value: 'a' });
  expect([own.get(decode, { timeout: 0 }), own.pollSync(0), own.joinSync(0)]).toEqual([
    TimedOut,
    false,
    TimedOut,
  ]);
  expect([own.taskDone(), own.taskDone(), own.join(FOR_EVER)]).toEqual([true, false, Done]);
  scratch.bytes.write('c');
  scratch.lengths.set([1, 0]);
  expect(own.putScratch(2)).toBe(1);
  expect(own.getManySync(decode, 5, 0)).toEqual([{ value: 'c' }]);
  own.close();
  expect([own.putSync(message('e'), 0), own.getSync(decode, 0)]).toEqual([Closed, Closed]);
});

test('the bytes of a message that is put may be used again', async () => {
  const { tree, own, there } = await shared({}, 1);
  const [, queue] = there[0] as There;
  for (const handle of [own, queue]) {
    const bytes = Buffer.from('as it was');
    const put = handle.put({ bytes, handles: [] }, FOR_EVER);
    bytes.fill(0);
    await tree.run();
    await put;
    expect(own.getSync(decode, 0)).toEqual({ value: 'as it was' });
  }
});

test('what a process has on its way to the broker is bounded, and keeps its order', async () => {
  const { tree, own, there } = await shared({ maxSize: 1 }, 1);
  const [process, queue] = there[0] as There;
  const frames = vi.spyOn(process.router, 'request');
  const bytes = Buffer.alloc(300_000);
  const puts = Array.from({ length: 20 }, (_, i) =>
    queue.put({ bytes: Buffer.concat([Buffer.of(i), bytes]), handles: [] }, FOR_EVER),
  );
  const impatient = queue.put(message('once'), { timeout: 0 });
  await tree.run();
  const sent = (): number => frames.mock.calls.filter(([{ op }]) => op === 'put').length;
  // One is in; of those that wait, so many that they come to a mebibyte.
  expect(sent()).toBe(5);
  const first = (got: Buffer): number => got[0] as number;
  for (let i = 0; i < 20; i += 1) {
    expect(await own.get(first, FOR_EVER)).toEqual({ value: i });
    await tree.run();
  }
  expect(await all(puts)).toEqual(puts.map(() => Done));
  // In its turn there was no room.
  expect([await impatient, own.getSync(decode, 0)]).toEqual([TimedOut, TimedOut]);
});

test('a put without patience is not refused because others are on their way', async () => {
  const { tree, own, there } = await shared({}, 1);
  const [, queue] = there[0] as There;
  const large = { bytes: Buffer.alloc(600_000), handles: [] };
  const puts = Array.from({ length: 6 }, () => queue.put(large, { timeout: 0 }));
  await tree.run();
  expect(await all(puts)).toEqual(puts.map(() => Done));
  expect(own.size()).toBe(6);
});

test('a put that waits here for its turn is given up here', async () => {
  const { tree, own, there } = await shared({ maxSize: 1 }, 1);
  const [, queue] = there[0] as There;
  const large = { bytes: Buffer.alloc(2 ** 20), handles: [] };
  const puts = [queue.put(large, FOR_EVER), queue.put(large, FOR_EVER)];
  const controller = new AbortController();
  const aborted = Promise.resolve(queue.put(message('never'), { signal: controller.signal }));
  const late = queue.put(message('late'), { timeout: 1 });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  expect(await late).toBe(TimedOut);
  const waits = queue.put(message('closed'), FOR_EVER);
  await tree.run();
  queue.close();
  expect(await waits).toBe(Closed);
  await tree.run();
  expect(await all(puts)).toEqual([Done, Closed]);
  expect(own.size()).toBe(1);
});

test('a message that is on its way to a getter that gives up is its outcome', async () => {
  const { tree, own, there } = await shared({}, 1);
  const [, queue] = there[0] as There;
  const controller = new AbortController();
  const first = queue.get(decode, { signal: controller.signal });
  await tree.run();
  own.putSync(message('on its way'), 0);
  controller.abort(new Error('too late'));
  await tree.run();
  expect(await first).toEqual({ value: 'on its way' });
  const again = new AbortController();
  const second = Promise.resolve(queue.get(decode, { signal: again.signal }));
  await tree.run();
  again.abort(new Error('in time'));
  const refused = expect(second).rejects.toThrow('in time');
  await tree.run();
  await refused;
  own.putSync(message('for the next'), 0);
  await tree.run();
  expect(own.getSync(decode, 0)).toEqual({ value: 'for the next' });
});

test('what was on its way to a process that dies goes back to its place, within the bound', async () => {
  const { tree, own, there } = await shared({ maxSize: 3 }, 2);
  const [[victim, first], [, second]] = there as [There, There];
  for (const text of 'abc') own.putSync(message(text), 0);
  void first.getMany(decode, 2, FOR_EVER);
  while (own.size() > 1) await tree.step();
  const put = second.put(message('d'), { timeout: 0 });
  tree.kill(victim);
  await tree.run();
  expect(await put).toBe(TimedOut);
  expect(own.getManySync(decode, 5, 0)).toEqual([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
});

test('what waited with a process that dies is gone with it', async () => {
  const { tree, own, there } = await shared({ maxSize: 1 }, 2);
  const [[victim, first], [, second]] = there as [There, There];
  own.putSync(message('there'), 0);
  void first.put(message('never'), FOR_EVER);
  await tree.run();
  const next = second.put(message('next'), FOR_EVER);
  await tree.run();
  tree.kill(victim);
  await tree.run();
  expect(own.getSync(decode, 0)).toEqual({ value: 'there' });
  await tree.run();
  expect([await next, own.getSync(decode, 0)]).toEqual([Done, { value: 'next' }]);
});

test('taskDone of more than there is, by two processes at once, is a warning for the later one', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
  const { tree, own, there } = await shared({ onConsumerDied: 'count' }, 1);
  const [, queue] = there[0] as There;
  own.putSync(message('one'), 0);
  await tree.run();
  expect([queue.unfinished(), queue.taskDone(), queue.taskDone()]).toEqual([1, true, false]);
  expect(own.taskDone()).toBe(true);
  expect(warn).not.toHaveBeenCalled();
  await tree.run();
  expect(warn).toHaveBeenCalledOnce();
  expect([own.unfinished(), queue.unfinished()]).toEqual([0, 0]);
});

test('a side that was closed on its way, or let go of, counts', async () => {
  const { tree, own, there } = await shared({}, 1);
  const [, queue] = there[0] as There;
  own.close();
  const waiting = own.get(decode, FOR_EVER);
  await tree.run();
  queue.close();
  queue.close();
  await tree.run();
  expect(await waiting).toBe(Closed);
  expect(await own.poll(FOR_EVER)).toBe(true);
});

test('with the broker every queue is gone', async () => {
  const { tree, there } = await shared({ maxSize: 1 }, 1);
  const [process, queue] = there[0] as There;
  const waits = [
    Promise.resolve(queue.get(decode, FOR_EVER)),
    Promise.resolve(queue.put({ bytes: Buffer.alloc(2 ** 20), handles: [] }, FOR_EVER)),
    Promise.resolve(queue.put(message('waits here'), FOR_EVER)),
  ];
  tree.root.router.letGo(process.name);
  tree.kill(tree.root);
  const lost = Promise.all(
    waits.map((wait) => expect(wait).rejects.toMatchObject({ code: 'ERR_MP_CLOSED' })),
  );
  await tree.run();
  await lost;
  expect(() => queue.put(message('late'), FOR_EVER)).toThrow('has ended');
  queue.close();
  expect(queue.closed).toBe(true);
  const shape = { maxSize: 0, maxBytes: 0, onConsumerDied: undefined };
  const fresh = new FallbackQueues(process.router).create(shape);
  expect(fresh.putSync(message('at the new broker'), 0)).toBe(Done);
});

test('a name that means no queue is refused', async () => {
  const { tree, there } = await shared({}, 1);
  const [process] = there[0] as There;
  const queues = new FallbackQueues(process.router);
  expect(() => queues.fromTransfer(undefined, undefined)).toThrow('did not come');
  const [left] = process.pair();
  const before = process.router.ends.size;
  expect(() => queues.fromTransfer(undefined, left.toTransfer())).toThrow('a channel came');
  await tree.run();
  expect(process.router.ends.size).toBe(before);
});
