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
    at(factory, 0).begin();
    at(factory, 0).die();
    await set.ready({ timeout: 0 });
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
