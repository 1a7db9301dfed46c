import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { BrokenPoolError, TimeoutError, WorkerDiedError } from '../../../lib/errors.js';
import { failed, succeeded } from '../../../lib/pool/task.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, turn, watchedTask, type FakeWorker } from './fake-workers.js';

const abortable = { abortable: true };

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}
const dead = (worker: FakeWorker): Promise<void> => until(() => !worker.alive);

describe('a task that is given up', () => {
  async function running(killGrace: number) {
    const { factory, set, bootAll } = makeSet(1, { killGrace });
    factory.givesBack = true;
    const fn = poolFunction({ short: true });
    const [first, second] = [watchedTask(fn, { control: abortable }), watchedTask(fn)];
    set.submit([first.task, second.task]);
    await bootAll();
    at(factory, 0).begin();
    return { factory, set, bootAll, first, second };
  }

  test('settles at once; its worker is told, and goes on when the task ends in time', async () => {
    const { factory, set, first, second } = await running(50);
    set.abort(first.task, 'enough');
    expect(first.outcomes).toEqual([failed('enough')]);
    expect(at(factory, 0).aborted).toEqual([[first.task, 'enough']]);
    at(factory, 0).finish(failed('enough'));
    await sleep(80);
    expect(at(factory, 0).alive).toBe(true);
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(2));
    expect(second.outcomes).toEqual([succeeded(2)]);
    expect(first.outcomes).toHaveLength(1);
  });

  test('and goes on is killed with its worker after the grace time, and nothing else is', async () => {
    const { factory, set, bootAll, first, second } = await running(20);
    set.abort(first.task, 'enough');
    await dead(at(factory, 0));
    expect(second.outcomes).toEqual([]);
    await bootAll();
    expect(at(factory, 1).begin()).toBe(second.task);
    expect(first.outcomes).toEqual([failed('enough')]);
  });

  test('is not killed for an answer that is there and unread', async () => {
    const { factory, set, first, second } = await running(10);
    at(factory, 0).unread.push(() => at(factory, 0).finish(succeeded('in time')));
    set.abort(first.task, 'enough');
    await sleep(40);
    expect(at(factory, 0).alive).toBe(true);
    expect(at(factory, 0).inbox).toEqual([second.task]);
  });

  test('is killed at once without a grace time, and never with an endless one', async () => {
    const hasty = await running(0);
    hasty.set.abort(hasty.first.task, 'enough');
    await dead(at(hasty.factory, 0));
    const patient = await running(Infinity);
    patient.set.abort(patient.first.task, 'enough');
    await sleep(20);
    expect(at(patient.factory, 0).alive).toBe(true);
  });

  test('before it has begun is never begun, and its worker hears nothing of it', async () => {
    const { factory, set, first, second } = await running(10);
    const third = watchedTask(poolFunction());
    set.submit([third.task]);
    set.abort(third.task, 'queued');
    set.abort(second.task, 'next');
    expect([third.outcomes, second.outcomes]).toEqual([[failed('queued')], [failed('next')]]);
    expect(at(factory, 0).inbox).toEqual([]);
    await turn();
    at(factory, 0).finish(succeeded(1));
    expect(first.outcomes).toEqual([succeeded(1)]);
    expect(at(factory, 0)).toMatchObject({ inbox: [], aborted: [] });
  });

  test('that its worker has taken, unheard of, has its time from its turn on', async () => {
    const { factory, set, first, second } = await running(10);
    factory.givesBack = false;
    set.abort(second.task, 'next');
    await sleep(30);
    expect(at(factory, 0).alive).toBe(true);
    at(factory, 0).finish(succeeded(1));
    expect(first.outcomes).toEqual([succeeded(1)]);
    expect(at(factory, 0).aborted).toEqual([[second.task, 'next']]);
    await dead(at(factory, 0));
  });

  for (const began of [true, false]) {
    test(`does not count against the pool, however often its worker is killed for it (begun: ${String(began)})`, async () => {
      const { factory, set, bootAll } = makeSet(1, { killGrace: 0 });
      for (let i = 0; i < 10; i++) {
        const { task } = watchedTask(poolFunction(), { control: abortable });
        set.submit([task]);
        await bootAll();
        if (began) at(factory, i).begin();
        set.abort(task, 'enough');
        await dead(at(factory, i));
      }
      set.submit([watchedTask(poolFunction()).task]);
      await bootAll();
      expect(at(factory, 10).inbox).toHaveLength(1);
    });
  }
});

describe('a limit for the run', () => {
  test('begins with the run, and says what ran too long', async () => {
    const { factory, set, bootAll } = makeSet(1, { killGrace: 1_000 });
    const control = { taskTimeout: 20, ...abortable };
    const { task, outcomes } = watchedTask(poolFunction(), { control });
    set.submit([task]);
    await sleep(40);
    await bootAll();
    expect(outcomes).toEqual([]);
    at(factory, 0).begin();
    await until(() => outcomes.length === 1);
    const { error } = outcomes[0] as { error: Error };
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toBe('the task work ran longer than 20 ms');
    expect(at(factory, 0).aborted).toEqual([[task, error]]);
  });

  test('is off when the task ends in time', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const control = { taskTimeout: 20, ...abortable };
    const { task, outcomes } = watchedTask(poolFunction(), { control });
    set.submit([task]);
    await bootAll();
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1));
    await sleep(40);
    expect(outcomes).toEqual([succeeded(1)]);
    expect(at(factory, 0).aborted).toEqual([]);
  });
});

describe('retry', () => {
  test('runs a task again whose worker has died, before all that waits, so often and no more', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const fn = poolFunction();
    const again = watchedTask(fn, { control: { retry: 2 } });
    const other = watchedTask(fn);
    set.submit([again.task, other.task]);
    for (let death = 0; death < 3; death++) {
      await bootAll();
      expect(again.outcomes).toEqual([]);
      expect(at(factory, death).begin()).toBe(again.task);
      at(factory, death).die();
    }
    expect(again.outcomes).toEqual([failed(expect.any(WorkerDiedError))]);
    expect(other.outcomes).toEqual([]);
    expect(set.stats()).toMatchObject({ retried: 2, failed: 1 });
  });

  test('does not run a task again that failed by itself, or that nobody waits for', async () => {
    const { factory, set, bootAll } = makeSet(1);
    const [own, dropped] = [1, 2].map(() =>
      watchedTask(poolFunction(), { control: { retry: 5 } }),
    ) as [ReturnType<typeof watchedTask>, ReturnType<typeof watchedTask>];
    set.submit([own.task, dropped.task]);
    await bootAll();
    at(factory, 0).begin();
    at(factory, 0).finish(failed('own'));
    expect(own.outcomes).toEqual([failed('own')]);
    at(factory, 0).begin();
    set.cancel(dropped.task, 'dropped');
    at(factory, 0).die();
    await bootAll();
    expect(at(factory, 1).inbox).toEqual([]);
    expect(set.hasWork).toBe(false);
  });
});

describe('an initializer', () => {
  test('in which a worker ends breaks the pool at once; a death before it does not', async () => {
    const { factory, set } = makeSet(1);
    const { task, outcomes } = watchedTask(poolFunction());
    set.submit([task]);
    await turn();
    at(factory, 0).die();
    expect(outcomes).toEqual([]);
    await turn();
    at(factory, 1).beginInitializer();
    at(factory, 1).die({ exitCode: 5, signalCode: null });
    const { error } = outcomes[0] as { error: Error };
    expect(error).toBeInstanceOf(BrokenPoolError);
    expect(error.message).toMatch(
      /worker Fake-2 \(pid 1002\) ended in its initializer: it exited with code 5$/,
    );
    expect(error.cause).toMatchObject({ code: 'ERR_MP_WORKER_DIED', exitCode: 5 });
    expect(factory.all).toHaveLength(2);
  });

  test('that has run is no reason any more', async () => {
    const { factory, set, bootAll } = makeSet(1);
    set.submit([watchedTask(poolFunction()).task]);
    await turn();
    at(factory, 0).beginInitializer();
    at(factory, 0).ready();
    at(factory, 0).die();
    await bootAll();
    expect(at(factory, 1).inbox).toHaveLength(1);
  });
});

describe('memory', () => {
  test('a worker that has outgrown its limit is replaced', async () => {
    const { factory, set, bootAll } = makeSet(1);
    set.submit([1, 2].map(() => watchedTask(poolFunction()).task));
    await bootAll();
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1), true);
    expect(at(factory, 0).stopped).toBe(true);
    await bootAll();
    expect(at(factory, 1).inbox).toHaveLength(1);
    expect(set.stats().restarted).toBe(1);
  });
});

test('reports reach who wants them while the task runs, and nobody afterwards', async () => {
  const { factory, set, bootAll } = makeSet(1);
  const heard: unknown[] = [];
  const onReport = (...report: unknown[]): void => void heard.push(report);
  const { task } = watchedTask(poolFunction(), { control: { onReport } });
  set.submit([task, watchedTask(poolFunction()).task]);
  await bootAll();
  at(factory, 0).begin();
  at(factory, 0).report('half', 3);
  set.cancel(task, 'enough');
  at(factory, 0).report('late');
  at(factory, 0).finish(succeeded(1));
  at(factory, 0).begin();
  at(factory, 0).report('to nobody');
  expect(heard).toEqual([['half', 3]]);
});
