// A pool whose starts hold up the program: how many workers it starts when, over fake workers and a clock that the test moves.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { succeeded } from '../../../lib/pool/task.js';
import type { WorkerSetOptions } from '../../../lib/pool/worker-set.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, watchedTask } from './fake-workers.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A pool with so many tasks for three workers, of which the first is on its way. */
function begun(tasks: number, options: Partial<WorkerSetOptions> = {}) {
  const made = makeSet(3, { oneFirst: true, ...options });
  const fn = poolFunction();
  made.set.submit(Array.from({ length: tasks }, () => watchedTask(fn).task));
  const { factory } = made;
  const workers = (): number => factory.all.length;
  expect(workers()).toBe(1);
  /** The promises of the first one's start have settled. */
  const up = async (): Promise<void> => {
    await vi.advanceTimersByTimeAsync(0);
    at(factory, 0).ready();
  };
  return { ...made, fn, workers, up, first: at(factory, 0) };
}

test.each([
  { startMs: 4, waitMs: 4 },
  { startMs: 0, waitMs: 1 },
  { startMs: 15, waitMs: 10 },
])(
  'the first one works alone for $waitMs ms when its start took $startMs, then the others come',
  async ({ startMs, waitMs }) => {
    const made = makeSet(3, { oneFirst: true });
    const { factory } = made;
    factory.startMs = startMs;
    const fn = poolFunction();
    made.set.submit([1, 2, 3, 4].map(() => watchedTask(fn).task));
    await vi.advanceTimersByTimeAsync(startMs);
    at(factory, 0).ready();
    expect(at(factory, 0).inbox).toHaveLength(1);
    at(factory, 0).begin();
    await vi.advanceTimersByTimeAsync(waitMs - 1);
    expect(factory.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(factory.all).toHaveLength(3);
  },
);

test('short tasks are given ahead to it meanwhile, and taken over by the others', async () => {
  const { factory, set, workers } = makeWithShortTasks();
  await vi.advanceTimersByTimeAsync(0);
  at(factory, 0).ready();
  expect(at(factory, 0).inbox).toHaveLength(4);
  await vi.advanceTimersByTimeAsync(1);
  expect(workers()).toBe(3);
  at(factory, 1).ready();
  expect(at(factory, 0).inbox.length + at(factory, 1).inbox.length).toBe(4);
  expect(at(factory, 1).inbox).toHaveLength(2);
  expect(set.stats().queued).toBe(0);
});

function makeWithShortTasks() {
  const made = makeSet(3, { oneFirst: true });
  made.factory.givesBack = true;
  const fn = poolFunction({ short: true });
  made.set.submit(Array.from({ length: 4 }, () => watchedTask(fn).task));
  return { ...made, workers: () => made.factory.all.length };
}

test('there are no others when all is done before, and the pool is closed by whoever waited', async () => {
  const { set, workers, up, first } = begun(1);
  await up();
  first.begin();
  first.finish(succeeded(1));
  set.close();
  await vi.advanceTimersByTimeAsync(100);
  expect(workers()).toBe(1);
  expect(first.stopped).toBe(true);
});

test('when it stays open they come in the next turn', async () => {
  const { workers, up, first } = begun(1);
  await up();
  first.begin();
  first.finish(succeeded(1));
  expect(workers()).toBe(1);
  await vi.advanceTimersToNextTimerAsync();
  expect(workers()).toBe(3);
});

test('the same when its task was given up before it came up', async () => {
  const made = makeSet(3, { oneFirst: true });
  const { task } = watchedTask(poolFunction());
  made.set.submit([task]);
  made.set.cancel(task, new Error('given up'));
  await vi.advanceTimersByTimeAsync(0);
  at(made.factory, 0).ready();
  await vi.advanceTimersToNextTimerAsync();
  expect(made.factory.all).toHaveLength(3);
});

test('nobody waits for an initializer of the first', async () => {
  const { workers, first } = begun(4);
  await vi.advanceTimersByTimeAsync(0);
  first.beginInitializer();
  expect(workers()).toBe(3);
});

test('nor when all are asked for', async () => {
  const { set, workers } = begun(4);
  const ready = set.ready({});
  expect(workers()).toBe(3);
  set.close();
  await expect(ready).rejects.toThrow('was closed');
});

test('nor for long when the first does not come up', async () => {
  const { workers } = begun(4);
  await vi.advanceTimersByTimeAsync(19);
  expect(workers()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(workers()).toBe(3);
});

test('a first one that dies is replaced, and the others come with it', async () => {
  const { workers, up, first, factory } = begun(4);
  await up();
  first.begin();
  first.die();
  expect(workers()).toBe(4);
  expect(factory.alive.size).toBe(3);
});

test('a first one that cannot be started for want of processes is tried again, and the others with it', async () => {
  const made = makeSet(3, { oneFirst: true });
  let failures = 1;
  made.factory.failStart = () =>
    failures-- > 0 ? Object.assign(new Error('no more'), { code: 'EAGAIN' }) : undefined;
  made.set.submit([watchedTask(poolFunction()).task]);
  await vi.advanceTimersByTimeAsync(0);
  expect(made.factory.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(100);
  expect(made.factory.all).toHaveLength(4);
});

test('an executor starts as many as there are tasks, behind the first', async () => {
  const { workers, up, first, set } = begun(2, { onDemand: true });
  await up();
  first.begin();
  await vi.advanceTimersByTimeAsync(1);
  expect(workers()).toBe(2);
  set.submit([watchedTask(poolFunction()).task]);
  expect(workers()).toBe(3);
});

test('an executor gives nothing ahead while others may be started for it', async () => {
  const made = makeSet(2, { oneFirst: true, onDemand: true });
  const { factory, set } = made;
  factory.givesBack = true;
  const fn = poolFunction({ short: true });
  set.submit([1, 2, 3].map(() => watchedTask(fn).task));
  await vi.advanceTimersByTimeAsync(0);
  at(factory, 0).ready();
  expect(at(factory, 0).inbox).toHaveLength(1);
  // It turns out to be long.
  at(factory, 0).begin();
  await vi.advanceTimersByTimeAsync(1);
  expect(factory.all).toHaveLength(2);
  at(factory, 1).ready();
  expect(at(factory, 1).inbox.length).toBeGreaterThan(0);
});

test('a pool that was terminated meanwhile starts nobody more', async () => {
  const { set, workers, up } = begun(4);
  await up();
  set.terminate();
  await vi.advanceTimersByTimeAsync(100);
  expect(workers()).toBe(1);
});
