// How many tasks a worker is given before it asks for them, and what becomes of them when it does not get to them.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noteAnswer, noteRunTime, type PoolFunction } from '../../../lib/pool/functions.js';
import { failed, succeeded, type Outcome, type Task } from '../../../lib/pool/task.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, turn, watchedTask, type Watched } from './fake-workers.js';

const short = (ms = 0.01): PoolFunction => {
  const fn = poolFunction();
  noteRunTime(fn, ms);
  return fn;
};

const tasksOf = (fn: PoolFunction, count: number): Watched[] =>
  Array.from({ length: count }, () => watchedTask(fn));

const open = (size: number) => {
  const made = makeSet(size);
  made.factory.givesBack = true;
  return made;
};

describe('tasks ahead', () => {
  test('a worker is given short ones until they take a millisecond together', async () => {
    const { factory, set, bootAll } = open(1);
    set.submit(tasksOf(short(0.1), 40).map(({ task }) => task));
    await bootAll();
    expect(at(factory, 0).inbox.length).toBeGreaterThanOrEqual(10);
    expect(at(factory, 0).inbox.length).toBeLessThanOrEqual(11);
  });

  test('at most 64 of the shortest, divided among the workers', async () => {
    const { factory, set, bootAll } = open(2);
    set.submit(tasksOf(short(0.0001), 200).map(({ task }) => task));
    await bootAll();
    expect(factory.all.map(({ inbox }) => inbox.length)).toEqual([64, 64]);
  });

  test('one for each, as long as there are few', async () => {
    const { factory, set, bootAll } = open(2);
    set.submit(tasksOf(short(), 6).map(({ task }) => task));
    await bootAll();
    expect(factory.all.map(({ inbox }) => inbox.length)).toEqual([3, 3]);
  });

  test('none behind a task that is not known to be short, or is known to be long', async () => {
    for (const fn of [poolFunction(), short(50)]) {
      const { factory, set, bootAll } = open(1);
      set.submit(tasksOf(fn, 5).map(({ task }) => task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(1);
    }
  });

  test('one behind a task of some milliseconds', async () => {
    const { factory, set, bootAll } = open(1);
    set.submit(tasksOf(short(5), 5).map(({ task }) => task));
    await bootAll();
    expect(at(factory, 0).inbox).toHaveLength(2);
  });

  test('also those that may be aborted, whose run has a limit, or that may be cancelled', async () => {
    for (const [later, spec] of [
      [false, { control: { abortable: true } }],
      [true, { control: { abortable: true } }],
      [true, { control: { abortable: true, taskTimeout: 1000 } }],
      [false, { onReached: () => undefined }],
    ] as const) {
      const { factory, set, bootAll } = open(1);
      const fn = short(0.0001);
      noteAnswer(fn, later);
      set.submit(Array.from({ length: 100 }, () => watchedTask(fn, spec).task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(64);
    }
  });

  test('a function that has answered a promise once is one that may', () => {
    const fn = short();
    const seen = [false, true, false].map((later) => {
      noteAnswer(fn, later);
      return fn.answersLater;
    });
    expect(seen).toEqual([false, true, true]);
  });

  test('none where none can be taken back', async () => {
    const { factory, set, bootAll } = makeSet(1);
    set.submit(tasksOf(short(), 5).map(({ task }) => task));
    await bootAll();
    expect(at(factory, 0).inbox).toHaveLength(1);
  });

  test('the run that the worker has measured is what counts', async () => {
    const { factory, set, bootAll } = open(1);
    const fn = poolFunction();
    set.submit(tasksOf(fn, 30).map(({ task }) => task));
    await bootAll();
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1), false, 0.1);
    expect(at(factory, 0).inbox.length).toBeGreaterThanOrEqual(10);
  });
});

describe('tasks of a batch', () => {
  let now = 0;

  beforeEach(() => {
    now = 1000;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
  });

  afterEach(() => {
    vi.restoreAllMocks();
  });

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
    now += 10;
    const call = watchedTask(short(1));
    set.submit([call.task]);
    expect(worker.inbox).toEqual(ahead);
    worker.finish(succeeded(1));
    expect(worker.inbox[0]).toBe(call.task);
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

describe('a worker that has nothing to do', () => {
  test('takes over half of what another one has not begun', async () => {
    const { factory, set, bootAll } = open(2);
    const watched = tasksOf(short(), 9);
    set.submit(watched.map(({ task }) => task));
    await bootAll();
    const [stuck, free] = [at(factory, 0), at(factory, 1)];
    stuck.begin();
    while (free.inbox.length > 0) {
      free.begin();
      free.finish(succeeded('free'));
    }
    expect(stuck.inbox).toHaveLength(0);
    expect(watched.filter(({ outcomes }) => outcomes.length === 1)).toHaveLength(8);
    stuck.finish(succeeded('stuck'));
    expect(watched.flatMap(({ outcomes }) => outcomes)).toHaveLength(9);
    expect(factory.begun.size).toBe(9);
  });

  test('does so when it has just come up', async () => {
    const { factory, set, bootAll } = open(2);
    set.submit(tasksOf(short(), 4).map(({ task }) => task));
    await turn();
    at(factory, 0).ready();
    await turn();
    expect(at(factory, 0).inbox).toHaveLength(4);
    await bootAll();
    expect(factory.all.map(({ inbox }) => inbox.length)).toEqual([2, 2]);
  });

  test('makes room for a fresh one where it was born before the functions of those that wait', async () => {
    const { factory, set, bootAll } = open(2);
    const [old, young] = [short(), short()];
    const watched = [...tasksOf(old, 2), ...tasksOf(young, 6)];
    set.fill();
    await turn();
    at(factory, 0).ready(young.id);
    at(factory, 1).ready(old.id);
    set.submit(watched.map(({ task }) => task));
    await turn();
    const [stuck, other] = [at(factory, 0), at(factory, 1)];
    stuck.begin();
    while (other.inbox.length > 0) {
      expect(other.begin().fn).toBe(old);
      other.finish(succeeded('old'));
    }
    expect(other.stopped).toBe(true);
    await bootAll();
    const fresh = at(factory, 2);
    while (fresh.inbox.length > 0) {
      fresh.begin();
      fresh.finish(succeeded('fresh'));
    }
    expect(watched.filter(({ outcomes }) => outcomes.length === 1)).toHaveLength(7);
  });

  test('does so when what had to wait on its way has come into a line', async () => {
    const { factory, set, bootAll } = open(2);
    const [stuck, other, slow] = tasksOf(short(), 3).map(({ task }) => task) as [Task, Task, Task];
    const send = factory.delay(slow);
    set.submit([stuck, other, slow]);
    await bootAll();
    at(factory, 0).begin();
    at(factory, 1).begin();
    at(factory, 1).finish(succeeded(1));
    expect(factory.all.map(({ inbox }) => inbox)).toEqual([[], []]);
    send();
    await turn();
    expect(factory.all.map(({ inbox }) => inbox)).toEqual([[], [slow]]);
  });
});

describe('a worker that dies', () => {
  const diedWith = ([outcome]: Outcome[]): boolean =>
    outcome?.ok === false && (outcome.error as Error).name === 'WorkerDiedError';

  test('takes only the task along that it has marked', async () => {
    const { factory, set, bootAll } = open(1);
    const watched = tasksOf(short(), 5);
    set.submit(watched.map(({ task }) => task));
    await bootAll();
    at(factory, 0).hadBegun(watched[0]!.task);
    at(factory, 0).die();
    expect(watched.map(({ outcomes }) => diedWith(outcomes))).toEqual([
      true,
      ...Array<boolean>(4).fill(false),
    ]);
    await bootAll();
    expect(at(factory, 1).inbox).toEqual(watched.slice(1).map(({ task }) => task));
  });

  test('takes none along when the one that it has marked had ended', async () => {
    const { factory, set, bootAll } = open(1);
    const watched = tasksOf(short(), 3);
    set.submit(watched.map(({ task }) => task));
    await bootAll();
    const first = at(factory, 0).begin();
    at(factory, 0).finish(succeeded(1));
    at(factory, 0).hadBegun(first);
    at(factory, 0).die();
    await bootAll();
    expect(watched.map(({ outcomes }) => outcomes.length)).toEqual([1, 0, 0]);
    expect(at(factory, 1).inbox).toHaveLength(2);
  });
});

test('a worker that has outgrown its memory gives back what it has not begun', async () => {
  const { factory, set, bootAll } = open(1);
  const watched = tasksOf(short(), 5);
  set.submit(watched.map(({ task }) => task));
  await bootAll();
  at(factory, 0).begin();
  at(factory, 0).finish(succeeded(1), true);
  expect(at(factory, 0).inbox).toHaveLength(0);
  expect(at(factory, 0).stopped).toBe(true);
  await bootAll();
  expect(at(factory, 1).inbox).toEqual(watched.slice(1).map(({ task }) => task));
});

test('a task that cannot be encoded ahead fails alone', async () => {
  const { factory, set, bootAll } = open(1);
  const watched = tasksOf(short(), 5);
  factory.unsendable.add(watched[2]!.task);
  set.submit(watched.map(({ task }) => task));
  await bootAll();
  expect(watched[2]!.outcomes).toEqual([failed(new Error('cannot be sent'))]);
  expect(at(factory, 0).inbox).toHaveLength(4);
});
