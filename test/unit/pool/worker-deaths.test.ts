import { describe, expect, test, vi } from 'vitest';
import { BrokenPoolError, WorkerDiedError } from '../../../lib/errors.js';
import { failed, succeeded } from '../../../lib/pool/task.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, turn, watchedTask } from './fake-workers.js';

describe('deaths', () => {
  test('exactly the running task fails; what waited in the same line runs elsewhere', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const fn = poolFunction({ short: true });
    const [running, waiting] = [watchedTask(fn), watchedTask(fn)];
    set.submit([running.task, waiting.task]);
    await bootAll();
    at(factory, 0).begin();
    at(factory, 0).die();
    const error = (running.outcomes[0] as { error: WorkerDiedError }).error;
    expect(error).toBeInstanceOf(WorkerDiedError);
    expect(error).toMatchObject({
      pid: 1001,
      exitCode: -9,
      signalCode: 'SIGKILL',
      code: 'ERR_MP_WORKER_DIED',
    });
    expect(error.message).toBe('worker Fake-1 (pid 1001) was killed by SIGKILL while it ran work');
    expect(waiting.outcomes).toEqual([]);
    await bootAll();
    expect(at(factory, 1).begin()).toBe(waiting.task);
  });

  test('a task that was given but had not begun runs elsewhere', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const { task, outcomes } = watchedTask(poolFunction());
    set.submit([task]);
    await bootAll();
    at(factory, 0).die();
    await bootAll();
    at(factory, 1).begin();
    at(factory, 1).finish(succeeded(7));
    expect(outcomes).toEqual([succeeded(7)]);
    expect(set.stats().restarted).toBe(1);
  });

  test('a task that kills three workers before it begins is given up; the pool goes on', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const [poison, good] = [watchedTask(poolFunction()), watchedTask(poolFunction())];
    set.submit([poison.task, good.task]);
    for (let death = 0; death < 3; death++) {
      await bootAll();
      at(factory, death).die();
    }
    expect((poison.outcomes[0] as { error: Error }).error.message).toMatch(
      /before it could begin work, as did 2 workers/,
    );
    expect((poison.outcomes[0] as { error: Error }).error).toMatchObject({ ran: false });
    await bootAll();
    at(factory, 3).begin();
    at(factory, 3).finish(succeeded(1));
    expect(good.outcomes).toEqual([succeeded(1)]);
  });

  test('idle deaths are replaced silently, until they come too fast', async () => {
    const { factory, set, bootAll } = makeSet(1);
    set.fill();
    for (let death = 0; death < 5; death++) {
      await bootAll();
      at(factory, death).die();
    }
    expect(factory.all).toHaveLength(6);
    await bootAll();
    at(factory, 5).die();
    const { task, outcomes } = watchedTask(poolFunction());
    set.submit([task]);
    const { error } = outcomes[0] as { error: BrokenPoolError };
    expect(error).toBeInstanceOf(BrokenPoolError);
    expect(error.message).toMatch(/6 idle workers ended within 10 seconds/);
    expect(error.cause).toMatchObject({ pid: 1006, signalCode: 'SIGKILL' });
    expect(factory.all).toHaveLength(6);
  });

  test('workers that end before they are ready break the pool', async () => {
    const { factory, set } = makeSet(1);
    const { task, outcomes } = watchedTask(poolFunction());
    set.submit([task]);
    for (let death = 0; death < 6; death++) {
      await turn();
      at(factory, death).die({ exitCode: 3, signalCode: null });
    }
    expect((outcomes[0] as { error: Error }).error.message).toMatch(
      /6 workers in a row ended before they were ready/,
    );
    await set.join({});
  });

  test('a failing initializer breaks the pool at once, with its error', async () => {
    const { factory, set, bootAll } = makeSet(2);
    const tasks = [1, 2, 3].map(() => watchedTask(poolFunction()));
    set.submit(tasks.map(({ task }) => task));
    await turn();
    at(factory, 0).ready();
    at(factory, 0).begin();
    const cause = new Error('no database');
    at(factory, 1).failInitializer(cause);
    for (const { outcomes } of tasks) {
      expect(outcomes).toEqual([failed(expect.any(BrokenPoolError))]);
      expect((outcomes[0] as { error: Error }).error.cause).toBe(cause);
    }
    await bootAll();
    expect(factory.all).toHaveLength(2);
    expect(factory.alive.size).toBe(0);
    await set.join({});
  });

  test('a start that fails for want of resources is tried again; any other breaks the pool', async () => {
    const { factory, set, bootAll } = makeSet(1);
    factory.failStart = (worker) =>
      worker.name === 'Fake-1' ? Object.assign(new Error('fork'), { code: 'EAGAIN' }) : undefined;
    const { task, outcomes } = watchedTask(poolFunction());
    set.submit([task]);
    await vi.waitFor(() => expect(factory.all).toHaveLength(2));
    await bootAll();
    at(factory, 1).begin();
    at(factory, 1).finish(succeeded(1));
    expect(outcomes).toEqual([succeeded(1)]);

    factory.failStart = () => new TypeError('no');
    at(factory, 1).die();
    await turn();
    const late = watchedTask(poolFunction());
    set.submit([late.task]);
    expect((late.outcomes[0] as { error: Error }).error).toMatchObject({
      code: 'ERR_MP_BROKEN_POOL',
      message: 'the pool cannot go on: a worker could not be started: no',
      cause: { message: 'no' },
    });
  });

  test('a worker that loses the thread is killed', async () => {
    const { factory, set, bootAll } = makeSet(1);
    set.submit([watchedTask(poolFunction()).task]);
    await bootAll();
    at(factory, 0).speak(999_999);
    expect(at(factory, 0).alive).toBe(false);
    await bootAll();
    expect(at(factory, 1).inbox).toHaveLength(1);
  });
});
