// Functions that the workers were not born with, while all of them are busy: whose turn it is, over fake workers.
import { describe, expect, test } from 'vitest';
import { CancelledError, WorkerDiedError } from '../../../lib/errors.js';
import { failed, succeeded } from '../../../lib/pool/task.js';
import { at, makeSet, useOwnTime } from './fake-set.js';
import { poolFunction, watchedTask } from './fake-workers.js';

useOwnTime();

/** A pool whose workers were all born with `old`, and each runs a task of it. */
async function busy(size: number) {
  const made = makeSet(size);
  const old = poolFunction();
  const running = Array.from({ length: size }, () => watchedTask(old));
  made.set.submit(running.map(({ task }) => task));
  await made.bootAll(old.id);
  for (const worker of made.factory.all) worker.begin();
  const submit = (fn = old, priority = 0) => {
    const watched = watchedTask(fn, { control: { priority } });
    made.set.submit([watched.task]);
    return watched;
  };
  return { ...made, old, running, submit };
}

describe('a new function while all workers are busy', () => {
  test('is run by a fresh worker, and one of the others has had its last task', async () => {
    const { factory, set, bootAll, submit } = await busy(2);
    const known = submit();
    const unknown = submit(poolFunction(), 10);
    expect(factory.all).toHaveLength(3);
    expect(at(factory, 0).stopped).toBe(false);
    await bootAll();
    expect(at(factory, 2).inbox).toEqual([unknown.task]);
    expect(set.stats()).toMatchObject({ workers: 3, busy: 3, restarted: 1 });
    at(factory, 0).finish(succeeded(1));
    expect(at(factory, 0).stopped).toBe(true);
    expect(at(factory, 0).inbox).toEqual([]);
    at(factory, 1).finish(succeeded(2));
    expect(at(factory, 1).inbox).toEqual([known.task]);
    at(factory, 0).leave();
    expect(set.stats()).toMatchObject({ workers: 2, busy: 2 });
  });

  test('waits for its turn like any other', async () => {
    const { factory, submit } = await busy(2);
    submit();
    submit(poolFunction());
    expect(factory.all).toHaveLength(2);
    at(factory, 1).finish(succeeded(1));
    expect(at(factory, 1).inbox).toHaveLength(1);
    expect(factory.all).toHaveLength(3);
  });

  test('has one worker more started at a time, however many there are', async () => {
    const { factory, set, bootAll, submit } = await busy(3);
    const fresh = poolFunction();
    submit(fresh);
    await bootAll(fresh.id);
    at(factory, 3).begin();
    const next = submit(poolFunction());
    expect(factory.all).toHaveLength(4);
    // The first that ends its task makes room.
    at(factory, 2).finish(succeeded(1));
    expect(at(factory, 2).stopped).toBe(true);
    await bootAll();
    expect(at(factory, 4).inbox).toEqual([next.task]);
    expect(set.stats().workers).toBe(4);
  });

  test('of a low priority takes nobody from what is due, however many there are', async () => {
    const { factory, submit } = await busy(3);
    // The first one is retired for it, and its successor starts.
    submit(poolFunction(), 2);
    expect(factory.all).toHaveLength(4);
    for (let i = 0; i < 20; i++) submit(poolFunction(), -1);
    const known = submit(undefined, 1);
    at(factory, 1).finish(succeeded(1));
    expect(at(factory, 1).stopped).toBe(false);
    expect(at(factory, 1).inbox).toEqual([known.task]);
  });

  test('does not wait for the only one that knows it, when another one has ended its task', async () => {
    const { factory, bootAll, submit } = await busy(2);
    const fresh = poolFunction();
    submit(fresh);
    await bootAll(fresh.id);
    at(factory, 2).begin();
    at(factory, 0).finish(succeeded(1));
    at(factory, 0).leave();
    const again = submit(fresh);
    submit();
    at(factory, 1).finish(succeeded(2));
    expect(at(factory, 1).stopped).toBe(true);
    await bootAll();
    expect(at(factory, 3).inbox).toEqual([again.task]);
  });

  test('keeps nobody from what is known while a fresh worker comes up for it', async () => {
    const { factory, submit } = await busy(2);
    submit(poolFunction());
    const known = submit();
    at(factory, 1).finish(succeeded(1));
    expect(at(factory, 1).inbox).toEqual([known.task]);
    expect(factory.all).toHaveLength(3);
  });

  test('cannot keep a pool at forking: a worker does something before it is replaced', async () => {
    const { factory, bootAll, old, submit } = await busy(1);
    submit(poolFunction(), 1);
    const known = submit();
    at(factory, 0).finish(succeeded(1));
    at(factory, 0).leave();
    // Forked before the new function was known.
    await bootAll(old.id);
    expect(at(factory, 1).inbox).toEqual([known.task]);
    at(factory, 1).begin();
    at(factory, 1).finish(succeeded(2));
    expect(at(factory, 1).stopped).toBe(true);
  });

  test('is not run by too many, and known ones go on where nobody can be started', async () => {
    const { factory, bootAll, submit } = await busy(2);
    for (let i = 0; i < 3; i++) {
      submit(poolFunction());
      await bootAll();
      for (const worker of factory.all) if (worker.inbox.length > 0) worker.begin();
    }
    expect(factory.alive.size).toBeLessThanOrEqual(4);
  });
});

describe('a worker that still has its last task', () => {
  async function retiring() {
    const made = await busy(2);
    made.submit(poolFunction(), 10);
    await made.bootAll();
    at(made.factory, 2).begin();
    return { ...made, last: made.running[0]!, worker: at(made.factory, 0) };
  }

  test('is listened to, and its answer counts', async () => {
    const { factory, last, worker } = await retiring();
    expect(worker.listening).toBe(true);
    at(factory, 2).finish(succeeded('new'));
    expect(worker.listening).toBe(true);
    worker.finish(succeeded('last'));
    expect(last.outcomes).toEqual([succeeded('last')]);
    expect(worker.listening).toBe(false);
  });

  test('dies with exactly that, and is not replaced twice', async () => {
    const { factory, set, last, worker } = await retiring();
    worker.die();
    expect(last.outcomes).toEqual([failed(expect.any(WorkerDiedError))]);
    expect(factory.all).toHaveLength(3);
    expect(set.stats()).toMatchObject({ workers: 2, restarted: 1 });
  });

  test('hears that nobody waits for it, and is ended with all others', async () => {
    const { set, last, running, worker } = await retiring();
    set.abort(last.task, 'enough');
    expect(worker.aborted).toEqual([[last.task, 'enough']]);
    set.terminate();
    expect(worker.alive).toBe(false);
    expect(running[1]!.outcomes).toEqual([failed(expect.any(CancelledError))]);
    await set.join({});
  });

  test('fails it when the pool is ended', async () => {
    const { set, last } = await retiring();
    set.terminate();
    expect(last.outcomes).toEqual([failed(expect.any(CancelledError))]);
  });

  test('does not hold the program when that was given up, until there is something to wait for', async () => {
    const { factory, set, submit, running, worker } = await retiring();
    at(factory, 1).finish(succeeded(1));
    at(factory, 2).finish(succeeded(2));
    set.cancel(running[0]!.task, 'enough');
    expect(worker.listening).toBe(false);
    submit();
    expect(worker.listening).toBe(true);
  });

  test('is told to end when nobody waits for anything', async () => {
    const { factory, set, running, worker } = await retiring();
    at(factory, 1).finish(succeeded(1));
    at(factory, 2).finish(succeeded(2));
    set.cancel(running[0]!.task, 'enough');
    expect(worker.stopped).toBe(false);
    set.close();
    expect(worker.stopped).toBe(true);
  });

  test('gives back what it has not begun', async () => {
    const { factory, set, bootAll } = makeSet(2);
    factory.givesBack = true;
    const old = poolFunction({ short: true });
    const running = Array.from({ length: 8 }, () => watchedTask(old));
    set.submit(running.map(({ task }) => task));
    await bootAll(old.id);
    const [first, second] = [at(factory, 0), at(factory, 1)];
    for (const worker of [first, second]) worker.begin();
    expect(first.inbox).not.toEqual([]);
    const unknown = watchedTask(poolFunction(), { control: { priority: 1 } });
    set.submit([unknown.task]);
    expect(first.inbox).toEqual([]);
    await bootAll();
    const fresh = at(factory, 2);
    expect(fresh.inbox[0]).toBe(unknown.task);
    for (const worker of [first, second]) worker.finish(succeeded(1));
    for (const worker of [fresh, second])
      while (worker.inbox.length > 0) {
        worker.begin();
        worker.finish(succeeded(1));
      }
    expect(running.every(({ outcomes }) => outcomes.length === 1)).toBe(true);
  });
});
