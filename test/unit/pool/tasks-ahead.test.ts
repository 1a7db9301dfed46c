// How many tasks a worker is given before it asks for them, and what becomes of them when it does not get to them.
import { describe, expect, test } from 'vitest';
import { noteAnswer } from '../../../lib/pool/functions.js';
import { failed, succeeded, type Outcome, type Task } from '../../../lib/pool/task.js';
import { at, makeSet, open, short, useOwnTime } from './fake-set.js';
import { poolFunction, tasksOf, turn, watchedTask, type FakeWorker } from './fake-workers.js';

const clock = useOwnTime();

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
    for (const ms of [1, 5, 9]) {
      const { factory, set, bootAll } = open(1);
      set.submit(tasksOf(short(ms), 5).map(({ task }) => task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(2);
    }
  });

  test('make way for those of a higher priority', async () => {
    const { factory, set, bootAll } = open(2);
    const fn = short();
    const submit = (priority: number, count = 1): Task[] => {
      const tasks = Array.from(
        { length: count },
        () => watchedTask(fn, { control: { priority } }).task,
      );
      set.submit(tasks);
      return tasks;
    };
    submit(0, 2);
    await bootAll();
    for (const worker of factory.all) worker.begin();
    const low = submit(0, 6);
    const [high] = submit(5) as [Task];
    const [higher] = submit(6) as [Task];
    const lower = submit(-1);
    const lines = factory.all.map(({ inbox }) => [...inbox]);
    expect(lines.map(([first]) => first).toSorted((a, b) => a!.id - b!.id)).toEqual([high, higher]);
    expect(lines.flat()).toHaveLength(9);
    for (const line of lines)
      expect(line).toEqual(line.toSorted((a, b) => b.priority - a.priority));
    for (const task of [...low, ...lower]) expect(lines.flat()).toContain(task);
  });

  test('make way for those of a higher priority also behind one that is late', async () => {
    const { factory, set, bootAll } = open(1);
    const fn = short();
    const [running, low, lowToo, high] = [0, 0, 0, 1].map(
      (priority) => watchedTask(fn, { control: { priority } }).task,
    ) as [Task, Task, Task, Task];
    set.submit([running, low, lowToo]);
    await bootAll();
    const worker = at(factory, 0);
    worker.begin();
    expect(worker.inbox).toEqual([low, lowToo]);
    clock.now += 20;
    set.submit([high]);
    expect(worker.inbox).toEqual([]);
    worker.finish(succeeded(1));
    expect(worker.inbox[0]).toBe(high);
  });

  test('keep their order behind those of a higher priority, among equals too', async () => {
    const { factory, set, bootAll } = open(1);
    const fn = short();
    const [running, ...others] = [0, 5, 0, 5, 7, 0].map(
      (priority) => watchedTask(fn, { control: { priority } }).task,
    ) as [Task, ...Task[]];
    set.submit([running]);
    await bootAll();
    at(factory, 0).begin();
    for (const task of others) set.submit([task]);
    const [five, low, fiveToo, seven, lowToo] = others;
    expect(at(factory, 0).inbox).toEqual([seven, five, fiveToo, low, lowToo]);
  });

  test('wait with all others again when one has taken longer than it looked', async () => {
    const { factory, set, bootAll } = open(1);
    set.submit(tasksOf(short(), 40).map(({ task }) => task));
    await bootAll();
    const worker = at(factory, 0);
    for (const [ranMs, left] of [
      [1, 38],
      [500, 0],
    ] as const) {
      worker.begin();
      worker.finish(succeeded(1), false, ranMs);
      worker.begin();
      expect(worker.inbox).toHaveLength(left);
      worker.finish(succeeded(1));
    }
  });

  test('wait with all others again when the one before them is late, and are older than those', async () => {
    const { factory, set, bootAll } = open(3);
    set.fill();
    await bootAll();
    set.submit(tasksOf(short(), 300).map(({ task }) => task));
    const [other, ...stuck] = factory.all as [FakeWorker, FakeWorker, FakeWorker];
    for (const worker of stuck) worker.begin();
    const behind = stuck.flatMap(({ inbox }) => inbox).toSorted((a, b) => a.id - b.id);
    for (const [later, isLate] of [
      [10, false],
      [10, true],
    ] as const) {
      clock.now += later;
      other.begin();
      other.finish(succeeded(1));
      expect(stuck.every(({ inbox }) => inbox.length === 0)).toBe(isLate);
    }
    const order: Task[] = [];
    while (other.inbox.length > 0) {
      order.push(other.begin());
      other.finish(succeeded(1));
    }
    const [first] = behind.map((task) => order.indexOf(task));
    expect(first).toBeGreaterThanOrEqual(0);
    expect(order.slice(first, first! + behind.length)).toEqual(behind);
    expect(order.length).toBeGreaterThan(first! + behind.length);
  });

  test('are not given to one that is late, nor is what was recalled from it', async () => {
    const { factory, set, bootAll } = open(2);
    const fn = short();
    const [running, ...ahead] = tasksOf(fn, 6).map(({ task }) => task) as [Task, ...Task[]];
    set.fill();
    await bootAll();
    set.submit([running, ...ahead]);
    const [stuck, other] = [at(factory, 0), at(factory, 1)];
    stuck.begin();
    clock.now += 20;
    other.begin();
    other.finish(succeeded(1));
    const late = [0, 0, 9].map((priority) => watchedTask(fn, { control: { priority } }).task);
    for (const task of late) set.submit([task]);
    expect(stuck.inbox).toEqual([]);
    expect(other.inbox[0]).toBe(late[2]);
    expect(other.inbox).toHaveLength(ahead.length - 1 + late.length);
  });

  test('of one that is late and has come to none of them: it has nothing to do, so it gets some', async () => {
    const { factory, set, bootAll } = open(2);
    set.fill();
    await bootAll();
    set.submit(tasksOf(short(), 300).map(({ task }) => task));
    const [late, other] = [at(factory, 0), at(factory, 1)];
    clock.now += 20;
    other.begin();
    other.finish(succeeded(1));
    expect(late.inbox.length).toBeGreaterThan(0);
  });

  test('are known to have begun, where nobody said so, when their worker has died, or nobody waits any more', async () => {
    const { factory, set, bootAll } = open(2);
    const tasks = tasksOf(short(), 4).map(({ task }) => task) as [Task, Task, Task, Task];
    set.fill();
    await bootAll();
    set.submit(tasks);
    const [dying, other] = [at(factory, 0), at(factory, 1)];
    clock.now += 5;
    dying.inbox.shift();
    dying.hadBegun(tasks[0]);
    other.inbox.shift();
    set.cancel(tasks[1], 'enough');
    set.cancel(tasks[3], 'enough');
    expect(tasks.map(({ startedAt }) => startedAt)).toEqual([1000, 1000, undefined, undefined]);
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
