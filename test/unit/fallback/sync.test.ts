// Shared objects at the broker, where frames cross on the wire and processes die in between.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import {
  SyncOutcome,
  type SharedKind,
  type SharedKinds,
} from '../../../lib/backend/sync-contract.js';
import type { Channel, TransferHandle } from '../../../lib/backend/contract.js';
import { FallbackSync } from '../../../lib/backend/fallback/sync/index.js';
import { SimulatedTree, type SimulatedProcess } from './simulated-tree.js';

const PLAIN = { holder: 0, takeAbandoned: false };
const FOR_EVER = {};

// Every simulated process listens for the end of this one.
process.setMaxListeners(0);

afterEach(() => {
  vi.restoreAllMocks();
});

/** An object of the root's, and the same in each of its children. */
async function shared<K extends SharedKind>(
  kind: K,
  make: (sync: FallbackSync) => SharedKinds[K],
  children: number,
): Promise<{
  tree: SimulatedTree;
  own: SharedKinds[K];
  there: [SimulatedProcess, SharedKinds[K]][];
}> {
  const tree = new SimulatedTree(7);
  const own = make(new FallbackSync(tree.root.router));
  const there: [SimulatedProcess, SharedKinds[K]][] = [];
  for (let made = 0; made < children; made += 1) {
    const child = tree.spawn(tree.root);
    const handle = own.toTransfer().handle as TransferHandle;
    const sent = tree.root.lines
      .get(child)
      ?.send({ bytes: new Uint8Array(), handles: [handle] }, {});
    const received = (child.control as Channel).recv({});
    await tree.run();
    await sent;
    const { handles } = await received;
    there.push([child, new FallbackSync(child.router).fromTransfer(kind, undefined, handles[0])]);
  }
  return { tree, own, there };
}

test('what is given to a waiter that gives up in that moment goes to the next', async () => {
  const { tree, own, there } = await shared('lock', (sync) => sync.lock(), 2);
  const [[, first], [, second]] = there as [(typeof there)[0], (typeof there)[0]];
  expect(await own.acquire(PLAIN, FOR_EVER)).toBe(SyncOutcome.Done);
  const abort = new AbortController();
  const early = Promise.resolve(first.acquire(PLAIN, { signal: abort.signal }));
  await tree.run();
  const late = second.acquire(PLAIN, FOR_EVER);
  await tree.run();
  own.release(0); // on its way to the first, which does not want it any more
  abort.abort(new Error('enough'));
  await expect(early).rejects.toThrow('enough');
  await tree.run();
  expect(await late).toBe(SyncOutcome.Done);
  expect([second.count(0), own.locked(), first.locked(), first.count(0)]).toEqual([
    1,
    true,
    true,
    0,
  ]);
});

test('what was on its way to a process that dies was never its own', async () => {
  const { tree, own, there } = await shared('lock', (sync) => sync.lock(), 2);
  const [[victim, first], [, second]] = there as [(typeof there)[0], (typeof there)[0]];
  await own.acquire(PLAIN, FOR_EVER);
  void first.acquire(PLAIN, FOR_EVER);
  await tree.run();
  const late = second.acquire(PLAIN, FOR_EVER);
  await tree.run();
  own.release(0);
  tree.kill(victim);
  await tree.run();
  expect(await late).toBe(SyncOutcome.Done);
  expect(own.abandonedPid()).toBe(0);
});

test('what a process has when it dies is abandoned', async () => {
  const { tree, own, there } = await shared('lock', (sync) => sync.lock(), 1);
  const [[victim, first]] = there as [(typeof there)[0]];
  const taken = first.acquire(PLAIN, FOR_EVER);
  await tree.run();
  expect(await taken).toBe(SyncOutcome.Done);
  const late = own.acquire(PLAIN, FOR_EVER);
  tree.kill(victim);
  await tree.run();
  expect(await late).toBe(SyncOutcome.Abandoned);
  expect([own.locked(), own.release(0)]).toEqual([false, false]);
  const taking = await own.acquire({ holder: 0, takeAbandoned: true }, FOR_EVER);
  expect(taking).toBe(SyncOutcome.DoneAbandoned);
});

test('a notification on its way to a process that dies goes to the next', async () => {
  const { tree, own, there } = await shared('condition', (sync) => sync.condition(), 2);
  const [[victim, first], [, second]] = there as [(typeof there)[0], (typeof there)[0]];
  void first.wait(() => undefined, FOR_EVER);
  await tree.run();
  const late = second.wait(() => undefined, FOR_EVER);
  await tree.run();
  own.notify(1);
  tree.kill(victim);
  await tree.run();
  expect(await late).toBe(SyncOutcome.Done);
});

test('when the release of a waiter throws, nobody waits', async () => {
  const { tree, own, there } = await shared('condition', (sync) => sync.condition(), 1);
  const [[, other]] = there as [(typeof there)[0]];
  const fails = (): void => {
    throw new Error('not mine');
  };
  await expect(Promise.resolve(own.wait(fails, FOR_EVER))).rejects.toThrow('not mine');
  const waiting = other.wait(() => undefined, FOR_EVER);
  await tree.run();
  own.notify(1);
  await tree.run();
  expect(await waiting).toBe(SyncOutcome.Done);
});

test('a release that two processes do at once is a warning for the later one', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
  const { tree, own, there } = await shared('lock', (sync) => sync.lock(), 1);
  const [[, other]] = there as [(typeof there)[0]];
  await own.acquire(PLAIN, FOR_EVER);
  await tree.run();
  expect([other.locked(), own.locked()]).toEqual([true, true]);
  expect([other.release(0), other.locked(), other.release(0)]).toEqual([true, false, false]);
  expect(own.release(0)).toBe(true);
  expect(warn).not.toHaveBeenCalled();
  await tree.run();
  expect(warn).toHaveBeenCalledOnce();
  expect([other.locked(), own.locked()]).toEqual([false, false]);
});

test('a process reads what it has written, whatever the broker knows already', async () => {
  const { tree, there } = await shared('event', (sync) => sync.event(), 1);
  const [[, event]] = there as [(typeof there)[0]];
  event.set();
  expect(event.isSet()).toBe(true);
  expect(await event.wait(FOR_EVER)).toBe(SyncOutcome.Done);
  event.clear();
  expect(event.isSet()).toBe(false);
  event.set();
  await tree.run();
  expect(event.isSet()).toBe(true);
});

test('a timeout asks the broker, which may have given it already', async () => {
  const { tree, there } = await shared('semaphore', (sync) => sync.semaphore(1), 1);
  const [[, semaphore]] = there as [(typeof there)[0]];
  const first = semaphore.acquire({ timeout: 1 });
  const second = semaphore.acquire({ timeout: 1 });
  await new Promise((resolve) => setTimeout(resolve, 10));
  await tree.run();
  expect([await first, await second]).toEqual([SyncOutcome.Done, SyncOutcome.TimedOut]);
});

test('an object that nobody has any more is gone, and with it what a message carries', async () => {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('this test needs --expose-gc');
  const tree = new SimulatedTree(3);
  const before = tree.root.router.brokerSize;
  const kept = await leaveOne(tree);
  for (let tries = 0; tries < 100 && tree.root.router.brokerSize > before + 1; tries += 1) {
    collect();
    await turn();
  }
  expect(tree.root.router.brokerSize).toBe(before + 1);
  expect(kept.value()).toBe(2);
});

async function leaveOne(tree: SimulatedTree): Promise<SharedKinds['semaphore']> {
  const sync = new FallbackSync(tree.root.router);
  for (let made = 0; made < 100; made += 1) {
    const lock = sync.lock();
    await lock.acquire(PLAIN, FOR_EVER);
    sync.event().set();
  }
  return sync.semaphore(2);
}

test('with the broker every object is gone', async () => {
  const { tree, there } = await shared('lock', (sync) => sync.lock(), 1);
  const [[child, lock]] = there as [(typeof there)[0]];
  const waiting = Promise.resolve(lock.acquire(PLAIN, FOR_EVER));
  await tree.run();
  await waiting;
  const again = Promise.resolve(lock.acquire(PLAIN, FOR_EVER));
  tree.root.router.letGo(child.name);
  tree.kill(tree.root);
  const lost = expect(again).rejects.toMatchObject({ code: 'ERR_MP_CLOSED' });
  await tree.run();
  await lost;
  expect(() => lock.release(0)).toThrow('has ended');
  const fresh = new FallbackSync(child.router).lock();
  expect(await fresh.acquire(PLAIN, FOR_EVER)).toBe(SyncOutcome.Done);
});
