import { describe, expect, test } from 'vitest';
import { QueueFullError, StateError, TimeoutError } from '../../../lib/errors.js';
import { succeeded } from '../../../lib/pool/task.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, turn, watchedTask } from './fake-workers.js';

describe('maxQueue', () => {
  test('bounds the tasks that wait, not those that workers have or take at once', async () => {
    const { factory, set, bootAll } = makeSet(2, { maxQueue: 1 });
    set.fill();
    await bootAll();
    const fn = poolFunction();
    set.checkRoom(3);
    expect(() => set.checkRoom(4)).toThrow(QueueFullError);
    set.submit([1, 2, 3].map(() => watchedTask(fn).task));
    expect(() => set.checkRoom(1)).toThrow(
      'the pool has no room for 1 more: 1 of at most 1 tasks wait. Await ready() first',
    );
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1));
    set.checkRoom(1);
  });

  test('0 takes what idle workers can begin', async () => {
    const { set, bootAll } = makeSet(1, { maxQueue: 0 });
    expect(() => set.checkRoom(1)).toThrow(QueueFullError);
    set.fill();
    await bootAll();
    set.checkRoom(1);
    set.submit([watchedTask(poolFunction()).task]);
    expect(() => set.checkRoom(1)).toThrow(QueueFullError);
  });

  test('of a broken pool is not in the way of its reason', async () => {
    const { factory, set } = makeSet(1, { maxQueue: 0 });
    set.fill();
    await turn();
    at(factory, 0).failInitializer(new Error('no database'));
    set.checkRoom(1);
  });
});

describe('ready()', () => {
  test('starts the workers, is awaited, and resolves when the last of them is up', async () => {
    const { factory, set } = makeSet(2);
    let isReady = false;
    const ready = set.ready({}).then(() => (isReady = true));
    await turn();
    expect(factory.all.map(({ listening }) => listening)).toEqual([true, true]);
    at(factory, 0).ready();
    await turn();
    expect(isReady).toBe(false);
    at(factory, 1).ready();
    await ready;
    expect(factory.all.map(({ listening }) => listening)).toEqual([false, false]);
    await set.ready({ timeout: 0 });
  });

  test('resolves when there is room again, also while a worker is being replaced', async () => {
    const { factory, set, bootAll } = makeSet(1, { maxQueue: 1 });
    set.fill();
    await bootAll();
    const [, second] = [1, 2].map(() => watchedTask(poolFunction()));
    set.submit([watchedTask(poolFunction()).task, second!.task]);
    const timedOut = set.ready({ timeout: 5 });
    await expect(timedOut).rejects.toThrow('the pool was not ready within 5 ms');
    await expect(timedOut).rejects.toThrow(TimeoutError);
    const ready = set.ready({});
    set.cancel(second!.task, 'room');
    await ready;
    // The room was for who waited.
    await turn();
    at(factory, 0).begin();
    at(factory, 0).die();
    await set.ready({ timeout: 0 });
  });

  test.each([0, 1, 4])(
    'lets in as many as there is room for, in order (maxQueue %d)',
    async (maxQueue) => {
      const { factory, set, bootAll } = makeSet(2, { maxQueue });
      const fn = poolFunction();
      const done: number[] = [];
      const producers = Array.from({ length: 50 }, async (_, number) => {
        await set.ready({});
        set.checkRoom(1);
        set.submit([watchedTask(fn, { onSettled: () => done.push(number) }).task]);
      });
      let refused: unknown;
      for (const producer of producers) producer.catch((error: unknown) => (refused = error));
      await bootAll();
      while (refused === undefined && done.length < producers.length) {
        for (const worker of factory.all) {
          if (worker.inbox.length === 0) continue;
          worker.begin();
          worker.finish(succeeded(1));
        }
        await turn();
      }
      expect(refused).toBeUndefined();
      expect(done).toEqual(producers.map((_, number) => number));
    },
  );

  test('lets in no more than there is room for when it is asked for and not waited for', async () => {
    const { set, bootAll } = makeSet(1, { maxQueue: 2 });
    set.fill();
    await bootAll();
    const producers = Array.from({ length: 9 }, async () => {
      await set.ready({});
      set.checkRoom(1);
      set.submit([watchedTask(poolFunction()).task]);
    });
    expect(await Promise.race([Promise.all(producers), turn()])).toBeUndefined();
    expect(set.stats()).toMatchObject({ busy: 1, queued: 2 });
    set.terminate();
    const ends = await Promise.allSettled(producers);
    expect(ends.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 3 }, () => 'fulfilled'),
      ...Array.from({ length: 6 }, () => 'rejected'),
    ]);
  });

  test('lets in no more than there is room for with a function that idle workers were not born with', async () => {
    const { set, bootAll } = makeSet(2, { maxQueue: 2 });
    const ready = set.ready({});
    const producers = Array.from({ length: 5 }, async () => {
      await set.ready({});
      set.checkRoom(1);
      set.submit([watchedTask(poolFunction()).task]);
    });
    const ends = Promise.allSettled(producers);
    await bootAll(0);
    await ready;
    await turn();
    expect(set.stats().queued).toBe(2);
    set.terminate();
    for (const end of (await ends).slice(2))
      expect(end).toMatchObject({ reason: { code: 'ERR_MP_CANCELLED' } });
  });

  test('gives the room of who does not take it to the next', async () => {
    const { set, bootAll } = makeSet(1, { maxQueue: 0 });
    const passed: number[] = [];
    const idlers = Array.from({ length: 5 }, async (_, number) => {
      await set.ready({});
      passed.push(number);
    });
    const enough = new AbortController();
    const left = expect(set.ready({ signal: enough.signal })).rejects.toThrow('enough');
    const last = set.ready({}).then(() => {
      set.checkRoom(1);
    });
    enough.abort(new Error('enough'));
    await bootAll();
    await left;
    await Promise.all([...idlers, last]);
    expect(passed).toEqual([0, 1, 2, 3, 4]);
  });

  test('rejects with the reason when the pool breaks, and when it is closed or terminated', async () => {
    const broken = makeSet(1);
    const waiting = broken.set.ready({});
    await turn();
    at(broken.factory, 0).failInitializer(new Error('no database'));
    await expect(waiting).rejects.toMatchObject({ cause: { message: 'no database' } });
    await expect(broken.set.ready({})).rejects.toMatchObject({ code: 'ERR_MP_BROKEN_POOL' });

    const closed = makeSet(1);
    const late = closed.set.ready({});
    closed.set.close();
    await expect(late).rejects.toThrow(StateError);
    await expect(closed.set.ready({})).rejects.toThrow(/takes no more tasks/);

    const terminated = makeSet(1);
    const never = terminated.set.ready({});
    terminated.set.terminate();
    await expect(never).rejects.toMatchObject({ code: 'ERR_MP_CANCELLED' });
    await expect(
      makeSet(1).set.ready({ signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough');
  });
});
