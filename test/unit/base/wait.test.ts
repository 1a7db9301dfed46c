// Many waits on one signal: one listener for all of them, and none that is left behind.
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runResets } from '../../../lib/base/after-fork.js';
import { PendingWait } from '../../../lib/base/wait.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;
const never = (): void => undefined;

/** Waits that note their number when they settle. */
function waitingOn(signal: AbortSignal, count: number, settled: number[]): PendingWait<void>[] {
  return Array.from({ length: count }, (_, i) => {
    const wait = new PendingWait<void>({ signal }, never, () => settled.push(i));
    wait.promise.catch(never);
    return wait;
  });
}

test('are given up in the order of waiting, with the reason of the signal', async () => {
  const { signal, abort } = controller();
  const settled: number[] = [];
  const waits = waitingOn(signal, 1000, settled);
  expect(listeners(signal)).toBe(1);
  const reason = new Error('enough');
  abort(reason);
  expect(settled).toEqual([...Array(1000).keys()]);
  for (const { promise } of waits) await expect(promise).rejects.toBe(reason);
  expect(listeners(signal)).toBe(0);
});

test('leave no listener when their events came first, and a later wait is heard', async () => {
  const { signal, abort } = controller();
  const settled: number[] = [];
  const waits = waitingOn(signal, 100, settled);
  for (const wait of waits.slice(1)) wait.resolve();
  expect(listeners(signal)).toBe(1);
  waits[0]?.reject(new Error('another end'));
  expect(listeners(signal)).toBe(0);
  const timed = new PendingWait({ signal, timeout: 1 }, () => 'late');
  expect(listeners(signal)).toBe(1);
  expect(await timed.promise).toBe('late');
  expect(listeners(signal)).toBe(0);
  const heard = new PendingWait({ signal }, never);
  abort('now');
  await expect(heard.promise).rejects.toBe('now');
});

test('one that is given up may settle others of the same signal', async () => {
  const { signal, abort } = controller();
  const others: PendingWait<string>[] = [];
  const first = new PendingWait<string>({ signal }, never as () => never, () => {
    for (const other of others) other.resolve('by the first');
  });
  others.push(new PendingWait<string>({ signal }, never as () => never));
  abort('now');
  await expect(first.promise).rejects.toBe('now');
  expect(await others[0]?.promise).toBe('by the first');
});

test('after a fork they are the parent’s: the signal ends the waits of the child alone', async () => {
  const { signal, abort } = controller();
  const settled: number[] = [];
  const [inherited] = waitingOn(signal, 1, settled);
  runResets('clean');
  const own = new PendingWait<void>({ signal }, never);
  abort('in the child');
  await expect(own.promise).rejects.toBe('in the child');
  await sleep(0);
  expect([settled, inherited?.settled]).toEqual([[], false]);
});

function controller(): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const made = new AbortController();
  return { signal: made.signal, abort: (reason) => made.abort(reason) };
}
