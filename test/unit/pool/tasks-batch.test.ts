// Items of maps whose answers are told together: they are given ahead further than others, and make way for them.
import { describe, expect, test } from 'vitest';
import { noteAnswer, type PoolFunction } from '../../../lib/pool/functions.js';
import { succeeded } from '../../../lib/pool/task.js';
import { at, open, short, useOwnTime } from './fake-set.js';
import { watchedTask, type Watched } from './fake-workers.js';

const clock = useOwnTime();

describe('tasks of a batch', () => {
  const batch = (fn: PoolFunction, count: number, number = 1, control = {}): Watched[] => {
    const flow = { turn: 0, batch: number };
    return Array.from({ length: count }, () => watchedTask(fn, { flow, control }));
  };

  const later = (): PoolFunction => {
    const fn = short(1);
    noteAnswer(fn, true);
    return fn;
  };

  test('are given ahead until they take ten milliseconds, if it matters that the pool is woken for each', async () => {
    for (const [ms, ahead] of [
      [0.125, 8],
      [1, 10],
      [4, 3],
      [6, 2],
    ] as const) {
      const { factory, set, bootAll } = open(1);
      set.submit(batch(short(ms), 40).map(({ task }) => task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(ahead);
      expect(at(factory, 0).inbox[0]?.batch).toBe(ms === 1 || ms === 4 ? 1 : 0);
    }
  });

  test('are not where somebody asks for each, or where none can be taken back', async () => {
    for (const [number, givesBack] of [
      [0, true],
      [1, false],
    ] as const) {
      const { factory, set, bootAll } = open(1);
      factory.givesBack = givesBack;
      const tasks = batch(short(2), 40, number);
      set.submit(tasks.map(({ task }) => task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(givesBack ? 2 : 1);
    }
  });

  test.each([
    ['that is limited', { taskTimeout: 1000 }, short],
    ['that reports', { onReport: () => undefined }, short],
    ['that may be aborted and may answer a promise', { abortable: true }, short],
    ['that answers promises', {}, later],
  ] as const)(
    'are not where the answer cannot be told late: of a run %s',
    async (_, control, fn) => {
      const { factory, set, bootAll } = open(1);
      set.submit(batch(fn(1), 40, 1, control).map(({ task }) => task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(2);
      expect(at(factory, 0).inbox[0]?.batch).toBe(0);
    },
  );

  /** One worker, at the first of ten. */
  const busy = async (control = {}) => {
    const { factory, set, bootAll } = open(1);
    const many = batch(short(1), 10, 1, control);
    set.submit(many.map(({ task }) => task));
    await bootAll();
    const worker = at(factory, 0);
    worker.begin();
    return { worker, set, many };
  };

  test('hold up a call of a lower priority', async () => {
    for (const [priority, isFirst] of [
      [4, false],
      [5, true],
      [6, true],
    ] as const) {
      const { worker, set } = await busy({ priority: 5 });
      const call = watchedTask(short(1), { control: { priority } });
      set.submit([call.task]);
      expect(worker.inbox[0] === call.task).toBe(isFirst);
    }
  });

  test('hold up a call while their worker may be at one that is long: it is for whoever is free first', async () => {
    const { worker, set } = await busy();
    const ahead = [...worker.inbox];
    clock.now += 10;
    const call = watchedTask(short(1));
    set.submit([call.task]);
    expect(worker.inbox).toEqual(ahead);
    worker.finish(succeeded(1));
    expect(worker.inbox[0]).toBe(call.task);
  });

  test('of several priorities make way for a call by its own', async () => {
    for (const priority of [-1, 0, 5, 6]) {
      const { factory, set, bootAll } = open(1);
      const fn = short(1);
      const [first, ...rest] = [...batch(fn, 2, 1, { priority: 5 }), ...batch(fn, 9, 2)];
      set.submit([first!.task]);
      await bootAll();
      const worker = at(factory, 0);
      worker.begin();
      for (const { task } of rest) set.submit([task]);
      set.submit([watchedTask(fn, { control: { priority } }).task]);
      const priorities = worker.inbox.map((task) => task.priority);
      expect(priorities).toEqual(priorities.toSorted((a, b) => b - a));
    }
  });

  test('make way again when the call has ended', async () => {
    const { worker, set } = await busy();
    for (let round = 0; round < 3; round++) {
      const call = watchedTask(short(1));
      set.submit([call.task]);
      expect(worker.inbox).toEqual([call.task]);
      worker.finish(succeeded(1));
      worker.begin();
      worker.finish(succeeded(1));
      worker.begin();
      expect(worker.inbox).toHaveLength(8 - round);
    }
  });

  test('do not hold up a call', async () => {
    const { factory, set, bootAll } = open(2);
    const many = batch(short(1), 40);
    set.submit(many.map(({ task }) => task));
    await bootAll();
    for (const worker of factory.all) worker.begin();
    const call = watchedTask(short(1));
    set.submit([call.task]);
    const { inbox } = factory.all.find((worker) => worker.inbox[0] === call.task)!;
    expect(inbox).toEqual([call.task]);
    while (many.some(({ outcomes }) => outcomes.length === 0)) {
      for (const worker of factory.all) {
        if (worker.running === undefined) continue;
        worker.finish(succeeded(1));
        if (worker.inbox.length > 0) worker.begin();
      }
    }
    expect(call.outcomes).toHaveLength(1);
    expect([...factory.begun.values()]).toEqual(Array(41).fill(1));
  });

  test('stay ahead when the call is of a function that this worker was not born with', async () => {
    const { factory, set, bootAll } = open(1);
    const [known, young] = [short(1), short(1)];
    set.submit(batch(known, 40).map(({ task }) => task));
    await bootAll(known.id);
    at(factory, 0).begin();
    const ahead = [...at(factory, 0).inbox];
    set.submit([watchedTask(young).task]);
    expect(at(factory, 0).inbox).toEqual(ahead);
  });
});
