import { describe, expect, test } from 'vitest';
import { CancelledError, StateError } from '../../../lib/errors.js';
import { failed, succeeded } from '../../../lib/pool/task.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, turn, watchedTask } from './fake-workers.js';

describe('dispatch', () => {
  test('all workers start with the first task, and tasks go to idle ones in order', async () => {
    const { factory, set, bootAll } = makeSet(2);
    expect(factory.all).toHaveLength(0);
    const tasks = [1, 2, 3].map(() => watchedTask(poolFunction()));
    set.submit(tasks.map(({ task }) => task));
    await bootAll();
    expect(factory.all).toHaveLength(2);
    expect(at(factory, 0).inbox).toEqual([tasks[0]!.task]);
    expect(at(factory, 1).inbox).toEqual([tasks[1]!.task]);
    expect(set.stats()).toMatchObject({ workers: 2, busy: 2, queued: 1 });
    at(factory, 1).begin();
    at(factory, 1).finish(succeeded('b'));
    expect(tasks[1]!.outcomes).toEqual([succeeded('b')]);
    expect(at(factory, 1).inbox).toEqual([tasks[2]!.task]);
  });

  test('a task that cannot be encoded fails alone and its worker goes on', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const [bad, good] = [watchedTask(poolFunction()), watchedTask(poolFunction())];
    factory.unsendable.add(bad.task);
    set.submit([bad.task, good.task]);
    await bootAll();
    expect(bad.outcomes).toEqual([failed(new Error('cannot be sent'))]);
    expect(at(factory, 0).inbox).toEqual([good.task]);
    expect(factory.all).toHaveLength(1);
  });

  test('a task that cannot be decoded fails alone', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const fn = poolFunction({ short: true });
    const [bad, good] = [watchedTask(fn), watchedTask(fn)];
    set.submit([bad.task, good.task]);
    await bootAll();
    at(factory, 0).cannotRead(new Error('unknown tag'));
    expect(bad.outcomes).toEqual([failed(new Error('unknown tag'))]);
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1));
    expect(good.outcomes).toEqual([succeeded(1)]);
  });

  test('messages are awaited only while somebody waits for them', async () => {
    const { factory, set, bootAll } = makeSet(2);
    set.fill();
    await turn();
    expect(factory.all.map((worker) => worker.listening)).toEqual([false, false]);
    const { task } = watchedTask(poolFunction());
    set.submit([task]);
    expect(factory.all.map((worker) => worker.listening)).toEqual([true, true]);
    await bootAll();
    expect(factory.all.map((worker) => worker.listening)).toEqual([true, false]);
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1));
    expect(factory.all.map((worker) => worker.listening)).toEqual([false, false]);
  });

  test('a worker that is still starting is not awaited when the last task has settled', async () => {
    const { factory, set } = makeSet(2);
    const { task } = watchedTask(poolFunction());
    set.submit([task]);
    await turn();
    at(factory, 0).ready();
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1));
    expect(at(factory, 1).listening).toBe(false);
  });
});

describe('functions that workers were not born with', () => {
  test('an idle worker is replaced, and the fresh one runs the task', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const old = poolFunction();
    const first = watchedTask(old);
    set.submit([first.task]);
    await bootAll(old.id);
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1));
    const fresh = poolFunction();
    const second = watchedTask(fresh);
    set.submit([second.task]);
    expect(at(factory, 0).stopped).toBe(true);
    await turn();
    at(factory, 1).ready(fresh.id);
    await turn();
    expect(at(factory, 1).inbox).toEqual([second.task]);
    at(factory, 0).leave();
    expect(factory.all).toHaveLength(2);
    expect(set.stats().restarted).toBe(1);
  });

  test('no more workers are replaced than tasks wait, and a starting one counts', async () => {
    const { factory, set, bootAll } = makeSet(3);
    set.fill();
    await bootAll(0);
    set.submit([watchedTask(poolFunction()).task]);
    expect(factory.all.filter((worker) => worker.stopped)).toHaveLength(1);
    expect(factory.all).toHaveLength(4);
  });

  test('a pool of one gives way at the end of its task, and nothing runs beside that', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const old = poolFunction();
    set.submit([watchedTask(old).task]);
    await bootAll(old.id);
    at(factory, 0).begin();
    const unknown = watchedTask(poolFunction());
    const known = watchedTask(old);
    set.submit([unknown.task, known.task]);
    expect(factory.all).toHaveLength(1);
    at(factory, 0).finish(succeeded(1));
    expect(at(factory, 0).inbox).toEqual([]);
    expect(at(factory, 0).stopped).toBe(true);
    await bootAll();
    expect(at(factory, 1).inbox).toEqual([unknown.task]);
    at(factory, 1).begin();
    at(factory, 1).finish(succeeded(2));
    expect(at(factory, 1).inbox).toEqual([known.task]);
  });

  test('there are never more than twice as many processes as the pool has workers', async () => {
    const { factory, set } = makeSet(1);
    for (let round = 0; round < 4; round++) {
      set.submit([watchedTask(poolFunction()).task]);
      await turn();
      for (const worker of factory.all) if (worker.alive && !worker.isReady) worker.ready(0);
      await turn();
    }
    expect(factory.alive.size).toBe(2);
    expect(factory.all.map((worker) => worker.held)).toEqual([true, true]);
    at(factory, 0).leave();
    await turn();
    expect(factory.alive.size).toBe(2);
  });
});

describe('recycling', () => {
  test('a worker is replaced after its number of tasks, never more than the size at work', async () => {
    const { factory, set, bootAll } = makeSet(1, { maxTasksPerChild: 2 });
    const tasks = [1, 2, 3, 4, 5].map(() => watchedTask(poolFunction({ short: true })));
    set.submit(tasks.map(({ task }) => task));
    for (const [index] of tasks.entries()) {
      await bootAll();
      const worker = at(factory, Math.floor(index / 2));
      worker.begin();
      worker.finish(succeeded(index));
      if (worker.stopped) worker.leave();
    }
    expect(tasks.map(({ outcomes }) => outcomes)).toEqual(
      [0, 1, 2, 3, 4].map((index) => [succeeded(index)]),
    );
    expect(factory.all).toHaveLength(3);
    expect(set.stats().restarted).toBe(2);
  });
});

describe('the end', () => {
  test('close refuses new tasks, finishes the accepted ones, and then the workers end', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const tasks = [1, 2].map(() => watchedTask(poolFunction()));
    set.submit(tasks.map(({ task }) => task));
    set.close();
    expect(() => set.checkOpen()).toThrow(StateError);
    const joined = set.join({});
    for (let i = 0; i < 2; i++) {
      await bootAll();
      at(factory, 0).begin();
      expect(at(factory, 0).stopped).toBe(false);
      at(factory, 0).finish(succeeded(i));
    }
    expect(at(factory, 0).stopped).toBe(true);
    expect(at(factory, 0).held).toBe(true);
    at(factory, 0).leave();
    expect(await joined).toBe(true);
  });

  test('a worker that dies after close is replaced while work is left', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const tasks = [1, 2].map(() => watchedTask(poolFunction()));
    set.submit(tasks.map(({ task }) => task));
    set.close();
    await bootAll();
    at(factory, 0).begin();
    at(factory, 0).die();
    await bootAll();
    at(factory, 1).begin();
    at(factory, 1).finish(succeeded(2));
    at(factory, 1).leave();
    await set.join({});
    expect(tasks[1]!.outcomes).toEqual([succeeded(2)]);
  });

  test('terminate fails everything that is pending, also from within a result', async () => {
    const { factory, set, bootAll } = makeSet(2);
    const tasks = [1, 2, 3].map(() => watchedTask(poolFunction()));
    set.submit(tasks.map(({ task }) => task));
    await bootAll();
    at(factory, 0).begin();
    set.terminate();
    for (const { outcomes } of tasks)
      expect(outcomes).toEqual([failed(expect.any(CancelledError))]);
    await set.join({});
    expect(factory.alive.size).toBe(0);
    expect(() => set.checkOpen()).toThrow(/terminated/);
  });

  test('join before close or terminate is an error; its timeout gives up', async () => {
    const { set, bootAll } = makeSet(1);
    await expect(set.join({})).rejects.toThrow(StateError);
    set.submit([watchedTask(poolFunction()).task]);
    await bootAll();
    set.close();
    expect(await set.join({ timeout: 5 })).toBe(false);
    await expect(set.join({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
  });

  test('terminate while workers are being started ends them', async () => {
    const { factory, set } = makeSet(2);
    set.submit([watchedTask(poolFunction()).task]);
    set.terminate();
    await set.join({});
    expect(factory.alive.size).toBe(0);
  });

  test('a cancelled task settles at once; what its worker answers is dropped', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const [running, queued] = [watchedTask(poolFunction()), watchedTask(poolFunction())];
    set.submit([running.task, queued.task]);
    await bootAll();
    at(factory, 0).begin();
    set.cancel(running.task, 'late');
    set.cancel(queued.task, 'late');
    expect(running.outcomes).toEqual([failed('late')]);
    expect(set.stats().queued).toBe(0);
    at(factory, 0).finish(succeeded(1));
    expect(running.outcomes).toHaveLength(1);
    expect(at(factory, 0).inbox).toEqual([]);
    expect(set.hasWork).toBe(false);
  });
});
