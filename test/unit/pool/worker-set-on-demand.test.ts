// A dispatcher that starts its workers when tasks wait for them, over fake workers.
import { expect, test } from 'vitest';
import { BrokenPoolError, CancelledError } from '../../../lib/errors.js';
import { failed, succeeded, type Task } from '../../../lib/pool/task.js';
import { at, makeSet, open, useOwnTime } from './fake-set.js';
import { poolFunction, turn, watchedTask } from './fake-workers.js';

useOwnTime();

const onDemand = { onDemand: true };

test('one worker for each task that waits, up to the size', async () => {
  const { factory, set, bootAll } = makeSet(3, onDemand);
  set.fill();
  expect(factory.all).toHaveLength(0);
  const fn = poolFunction();
  for (const expected of [1, 2, 3, 3]) {
    set.submit([watchedTask(fn).task]);
    expect(factory.all).toHaveLength(expected);
  }
  await bootAll();
  expect(factory.all.map((worker) => worker.inbox.length)).toEqual([1, 1, 1]);
});

test('an idle one is used again, and one that is free is not doubled', async () => {
  const { factory, set, bootAll } = makeSet(3, onDemand);
  const fn = poolFunction();
  for (let i = 0; i < 3; i++) {
    set.submit([watchedTask(fn).task]);
    await bootAll();
    at(factory, 0).begin();
    at(factory, 0).finish(succeeded(i));
  }
  expect(factory.all).toHaveLength(1);
  set.submit([watchedTask(fn).task, watchedTask(fn).task]);
  expect(factory.all).toHaveLength(2);
});

test('a dead one is replaced when there is more to do', async () => {
  const { factory, set, bootAll } = makeSet(2, onDemand);
  const fn = poolFunction();
  set.submit([watchedTask(fn).task]);
  await bootAll();
  at(factory, 0).begin();
  at(factory, 0).die();
  expect(factory.all).toHaveLength(1);
  const next = watchedTask(fn);
  set.submit([next.task]);
  await bootAll();
  expect(at(factory, 1).inbox).toEqual([next.task]);
});

test.each([
  ['dies', 100],
  ['has had as many tasks as it may', 2],
])(
  'a task behind a long one has a fresh worker when the other one %s and nothing waits',
  async (how, maxTasksPerChild) => {
    const { factory, set, bootAll } = makeSet(2, { ...onDemand, maxTasksPerChild });
    factory.givesBack = true;
    const fn = poolFunction({ short: true });
    const [other, long, behind] = [1, 2, 3].map(() => watchedTask(fn));
    // Of which nothing is known: nothing is given ahead behind it.
    const last = watchedTask(poolFunction());
    set.submit([other!.task, long!.task]);
    await bootAll();
    const [spent, busy] = [at(factory, 0), at(factory, 1)];
    busy.begin();
    spent.begin();
    spent.finish(succeeded(1));
    set.submit([last.task, behind!.task]);
    spent.begin();
    expect(spent.running).toBe(last.task);
    expect(busy.inbox).toEqual([behind!.task]);
    if (how === 'dies') spent.die();
    else spent.finish(succeeded(3));
    await bootAll();
    expect(busy.inbox).toEqual([]);
    expect(at(factory, 2).inbox).toEqual([behind!.task]);
  },
);

test('of idle workers that were born too early one is replaced for each task', async () => {
  const { factory, set, bootAll } = makeSet(3, onDemand);
  const old = poolFunction();
  set.submit([1, 2, 3].map(() => watchedTask(old).task));
  await bootAll(old.id);
  for (const worker of [...factory.all]) {
    worker.begin();
    worker.finish(succeeded(1));
  }
  const fresh = watchedTask(poolFunction());
  set.submit([fresh.task]);
  expect(factory.all.filter((worker) => worker.stopped)).toHaveLength(1);
  expect(factory.all).toHaveLength(4);
  await bootAll();
  expect(at(factory, 3).inbox).toEqual([fresh.task]);
});

test('a worker at its limit is replaced only when a task waits', async () => {
  const { factory, set, bootAll } = makeSet(1, { ...onDemand, maxTasksPerChild: 1 });
  const fn = poolFunction();
  const tasks = [watchedTask(fn), watchedTask(fn)];
  set.submit(tasks.map(({ task }) => task));
  await bootAll();
  at(factory, 0).begin();
  at(factory, 0).finish(succeeded(1));
  expect(at(factory, 0).stopped).toBe(true);
  expect(factory.all).toHaveLength(2);
  await bootAll();
  at(factory, 1).begin();
  at(factory, 1).finish(succeeded(2));
  expect(at(factory, 1).stopped).toBe(true);
  expect(factory.all).toHaveLength(2);
});

/** With what it was told. */
function toldTask(): { task: Task; told: string[] } {
  const told: string[] = [];
  const { task } = watchedTask(poolFunction({ short: true }), {
    onReached: () => told.push('reached'),
    onReturned: () => told.push('returned'),
  });
  return { task, told };
}

test('a task is told when a worker has come to it, and when that one dies first', async () => {
  const { factory, set, bootAll } = makeSet(1, onDemand);
  const { task, told } = toldTask();
  set.submit([task]);
  expect(told).toEqual([]);
  await bootAll();
  expect(told).toEqual(['reached']);
  at(factory, 0).die();
  expect(told).toEqual(['reached', 'returned']);
  await bootAll();
  expect(told).toEqual(['reached', 'returned', 'reached']);
  at(factory, 1).begin();
  at(factory, 1).die();
  expect(told).toHaveLength(3);
});

test('a task is told when its worker has not come to it after all, as another one was recalled', async () => {
  const { factory, set, bootAll } = open(1, onDemand);
  const [first, second] = [toldTask(), toldTask()];
  set.submit([first.task, second.task]);
  await bootAll();
  expect(set.recall(second.task)).toBe(true);
  expect(first.told).toEqual(['reached', 'returned']);
  await turn();
  expect(first.told).toEqual(['reached', 'returned', 'reached']);
  at(factory, 0).begin();
  expect(set.recall(second.task)).toBe(true);
  expect([first.told.length, second.told.length]).toEqual([3, 0]);
});

test('by kill: at once, also those that were only asked to end before', async () => {
  const { factory, set, bootAll } = makeSet(2);
  const { task, outcomes } = watchedTask(poolFunction());
  set.submit([task]);
  await bootAll();
  const said: string[] = [];
  for (const worker of factory.all) {
    worker.terminate = () => said.push('terminate');
    worker.kill = () => said.push('kill');
  }
  set.terminate();
  expect(said).toEqual(['terminate', 'terminate']);
  expect(outcomes).toEqual([failed(expect.any(CancelledError))]);
  set.terminate('kill');
  set.terminate('kill');
  expect(said).toEqual(['terminate', 'terminate', 'kill', 'kill']);
  for (const worker of factory.all) worker.leave();
  await set.join({});
});

test('when workers die too often, the error names the last one and how it ended', async () => {
  const { factory, set } = makeSet(1, onDemand);
  const { task, outcomes } = watchedTask(poolFunction());
  set.submit([task]);
  for (let i = 0; outcomes.length === 0; i++) {
    await turn();
    at(factory, i).die({ exitCode: 7, signalCode: null });
  }
  const [outcome] = outcomes;
  const error = outcome?.ok === false ? (outcome.error as BrokenPoolError) : undefined;
  expect(error).toBeInstanceOf(BrokenPoolError);
  expect(error?.message).toMatch(/6 workers in a row .*pid 1006\) exited with code 7/);
  expect(error?.cause).toMatchObject({ pid: 1006, exitCode: 7 });
  expect(set.endOfAll).toBe(error);
});
