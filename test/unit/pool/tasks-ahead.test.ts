// How many tasks a worker is given before it asks for them, and what becomes of them when it does not get to them.
import { describe, expect, test } from 'vitest';
import { noteAnswer, noteRunTime, type PoolFunction } from '../../../lib/pool/functions.js';
import { failed, succeeded, type Outcome } from '../../../lib/pool/task.js';
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

  test('one behind a task of some milliseconds, if it can be taken back and nobody is bound to it', async () => {
    const later = short(5);
    noteAnswer(later, true);
    for (const [fn, givesBack, ahead] of [
      [short(5), true, 2],
      [short(5), false, 1],
      [later, true, 1],
    ] as const) {
      const { factory, set, bootAll } = open(1);
      factory.givesBack = givesBack;
      const tasks = Array.from({ length: 5 }, () =>
        watchedTask(fn, { control: { abortable: fn === later } }),
      );
      set.submit(tasks.map(({ task }) => task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(ahead);
    }
  });

  test('that may be aborted, if their function answers no promise and their run has no limit', async () => {
    for (const [later, taskTimeout, ahead] of [
      [false, undefined, 64],
      [true, undefined, 2],
      [undefined, undefined, 2],
      [false, 1000, 2],
    ] as const) {
      const { factory, set, bootAll } = open(1);
      const fn = short(0.0001);
      if (later !== undefined) noteAnswer(fn, later);
      const control = { abortable: true, taskTimeout };
      set.submit(Array.from({ length: 100 }, () => watchedTask(fn, { control }).task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(ahead);
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

  test('one where none can be taken back, or behind a task that may be aborted or cancelled', async () => {
    const bound = makeSet(1);
    bound.set.submit(tasksOf(short(), 5).map(({ task }) => task));
    await bound.bootAll();
    expect(at(bound.factory, 0).inbox).toHaveLength(2);

    for (const spec of [{ control: { abortable: true } }, { onGiven: () => undefined }]) {
      const { factory, set, bootAll } = open(1);
      const fn = short();
      set.submit([1, 2, 3, 4].map(() => watchedTask(fn, spec).task));
      await bootAll();
      expect(at(factory, 0).inbox).toHaveLength(2);
    }
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

  test('leaves what was settled meanwhile, and functions that it was not born with', async () => {
    const { factory, set, bootAll } = open(2);
    const [old, young] = [short(), short()];
    const watched = [...tasksOf(old, 2), ...tasksOf(young, 6)];
    await turn();
    set.fill();
    await turn();
    at(factory, 0).ready(young.id);
    at(factory, 1).ready(old.id);
    set.submit(watched.map(({ task }) => task));
    await turn();
    const [knowing, other] = [at(factory, 0), at(factory, 1)];
    expect(other.inbox.every((task) => task.fn === old)).toBe(true);
    while (other.inbox.length > 0) {
      other.begin();
      other.finish(succeeded(1));
    }
    expect(other.inbox).toHaveLength(0);
    const left = knowing.inbox.at(-1)!;
    set.cancel(left, new Error('enough'));
    while (knowing.inbox.length > 0) {
      knowing.begin();
      knowing.finish(succeeded(2));
    }
    await bootAll();
    expect(watched.every(({ outcomes }) => outcomes.length === 1)).toBe(true);
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
