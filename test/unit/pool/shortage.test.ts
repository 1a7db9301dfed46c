import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { failed, succeeded } from '../../../lib/pool/task.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, turn, watchedTask } from './fake-workers.js';

const noDescriptors = Object.assign(new Error('pipe: EMFILE, too many open files'), {
  code: 'EMFILE',
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

test('of descriptors does not end a pool that has a worker, however long it lasts', async () => {
  const { factory, set, bootAll } = makeSet(2);
  factory.failStart = ({ name }) => (name === 'Fake-1' ? undefined : noDescriptors);
  const [first, second] = [1, 2].map(() => watchedTask(poolFunction()));
  set.submit([first!.task, second!.task]);
  await turn();
  at(factory, 0).ready();
  at(factory, 0).begin();
  const pauses: number[] = [];
  let begun = factory.all.length;
  for (let step = 0, pause = 0; step < 300; step++, pause += 100) {
    if (factory.all.length > begun) {
      begun = factory.all.length;
      pauses.push(pause);
      pause = 0;
    }
    await vi.advanceTimersByTimeAsync(100);
    await turn();
  }
  // The first of them began before a worker came up.
  expect(pauses.slice(1, 7)).toEqual([100, 200, 400, 800, 1600, 1600]);
  expect(at(factory, 0).alive).toBe(true);
  at(factory, 0).finish(succeeded(1));
  at(factory, 0).begin();
  expect(first!.outcomes).toEqual([succeeded(1)]);

  factory.failStart = undefined;
  await vi.advanceTimersByTimeAsync(1600);
  await bootAll();
  expect(set.stats()).toMatchObject({ workers: 2, busy: 1 });
  at(factory, 0).finish(succeeded(2));
  expect(second!.outcomes).toEqual([succeeded(2)]);
});

test('ends a pool that has no worker, with the error of the system', async () => {
  const { factory, set } = makeSet(4);
  factory.failStart = () => noDescriptors;
  const { task, outcomes } = watchedTask(poolFunction());
  set.submit([task]);
  for (let pause = 0; pause < 30; pause++) {
    await turn();
    expect(outcomes).toEqual([]);
    await vi.advanceTimersByTimeAsync(100);
  }
  await vi.advanceTimersByTimeAsync(100);
  await turn();
  const error: unknown = expect.objectContaining({
    code: 'ERR_MP_BROKEN_POOL',
    message:
      'the pool cannot go on: no worker could be started, 6 times: pipe: EMFILE, too many open files',
    cause: noDescriptors,
  });
  expect(outcomes).toEqual([failed(error)]);
  await set.join({});
});

test('is sat out from its beginning when the last worker has died', async () => {
  const { factory, set, bootAll } = makeSet(2);
  factory.failStart = ({ name }) => (name === 'Fake-1' ? undefined : noDescriptors);
  set.fill();
  await turn();
  at(factory, 0).ready();
  await vi.advanceTimersByTimeAsync(60_000);
  at(factory, 0).die();
  await vi.advanceTimersByTimeAsync(3_000);
  factory.failStart = undefined;
  await vi.advanceTimersByTimeAsync(1_600);
  await bootAll();
  expect(set.stats().workers).toBe(2);
});

test('does not keep a program alive while there is a worker, and does when there is none', async () => {
  const started = vi.spyOn(globalThis, 'setTimeout');
  const isHeld = (): boolean => (started.mock.results.at(-1)?.value as NodeJS.Timeout).hasRef();
  const { factory, set } = makeSet(2);
  factory.failStart = ({ name }) => (name === 'Fake-1' ? undefined : noDescriptors);
  set.fill();
  await turn();
  expect(isHeld()).toBe(false);
  at(factory, 0).die();
  await turn();
  expect(isHeld()).toBe(true);
});
