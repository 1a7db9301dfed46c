// Tasks that are taken back from their workers' lines: given up, or too late on their way.
import { expect, test } from 'vitest';
import { noteRunTime, type PoolFunction } from '../../../lib/pool/functions.js';
import { ExecutorWork } from '../../../lib/pool/executor-work.js';
import { CallShape, type Task } from '../../../lib/pool/task.js';
import { at, open, useOwnTime } from './fake-set.js';
import { poolFunction, turn, watchedTask } from './fake-workers.js';

useOwnTime();

const tasksOf = (count: number, fn = poolFunction({ short: true })): Task[] =>
  Array.from({ length: count }, () => watchedTask(fn).task);

const inboxes = ({ factory }: ReturnType<typeof open>): Task[][] =>
  factory.all.map(({ inbox }) => inbox);

test('a recalled task waits in the queue, and what stood beside it goes first again', async () => {
  const made = open(1);
  const tasks = tasksOf(4);
  made.set.submit(tasks);
  await made.bootAll();
  at(made.factory, 0).begin();
  expect(made.set.recall(tasks[2]!)).toBe(true);
  expect(inboxes(made)).toEqual([[]]);
  expect(made.set.recall(tasks[3]!)).toBe(true);
  expect(made.set.recall(tasks[0]!)).toBe(false);
  made.set.cancel(tasks[2]!, 'enough');
  await turn();
  expect(inboxes(made)).toEqual([[tasks[1], tasks[3]]]);
});

test('one that its worker has taken stays there, unheard of as its beginning may be', async () => {
  const made = open(1);
  const tasks = tasksOf(2);
  made.set.submit(tasks);
  await made.bootAll();
  const [first] = at(made.factory, 0).inbox.splice(0, 1);
  expect(first).toBe(tasks[0]);
  expect(made.set.recall(tasks[0]!)).toBe(false);
});

test('nobody listens to a worker from whose line all was recalled', async () => {
  const made = open(1);
  const tasks = tasksOf(1);
  made.set.submit(tasks);
  await made.bootAll();
  expect(at(made.factory, 0).listening).toBe(true);
  made.set.cancel(tasks[0]!, 'enough');
  expect(at(made.factory, 0)).toMatchObject({ inbox: [], listening: false });
});

test('a worker whose last task was recalled takes over from others', async () => {
  const made = open(2);
  const tasks = tasksOf(3);
  made.set.submit(tasks);
  await made.bootAll();
  at(made.factory, 0).begin();
  const [[behind], [last]] = inboxes(made) as [[Task], [Task]];
  made.set.cancel(last, 'enough');
  await turn();
  expect(inboxes(made)).toEqual([[], [behind]]);
});

test('what was recalled takes no room in the queue', async () => {
  const made = open(1, { maxQueue: 1 });
  const tasks = tasksOf(5);
  made.set.submit(tasks);
  await made.bootAll();
  at(made.factory, 0).begin();
  expect(made.set.recall(tasks[1]!)).toBe(true);
  made.set.checkRoom(1);
  expect(inboxes(made)).toEqual([tasks.slice(1)]);
});

test('when a task that had to wait on its way is in the line, others are given ahead behind it', async () => {
  const made = open(1);
  const tasks = tasksOf(5);
  const send = made.factory.delay(tasks[1]!);
  made.set.submit(tasks);
  await made.bootAll();
  expect(inboxes(made)).toEqual([[tasks[0]]]);
  send();
  await turn();
  expect(inboxes(made)).toEqual([tasks]);
});

test('one that comes too late to a worker that is to end is run elsewhere', async () => {
  const made = open(2);
  const known: PoolFunction = poolFunction({ short: true });
  const [first, other, slow] = tasksOf(3, known) as [Task, Task, Task];
  const send = made.factory.delay(slow);
  made.set.submit([first, other, slow]);
  await made.bootAll(known.id);
  for (const worker of made.factory.all) worker.begin();
  const late = poolFunction();
  noteRunTime(late, 1000);
  const [unknown] = tasksOf(1, late);
  made.set.submit([unknown!]);
  await turn();
  // The oldest makes room for one that knows the function.
  expect(made.factory.all).toHaveLength(3);
  send();
  await turn();
  expect(at(made.factory, 0).inbox).toEqual([]);
  await made.bootAll();
  expect(at(made.factory, 2).inbox).toContain(unknown);
  expect(inboxes(made).flat()).toContain(slow);
});

test('a shutdown cancels what its worker has not begun, the first in its line too', async () => {
  const { factory, set, bootAll } = open(1);
  const work = new ExecutorWork(set, 'the executor');
  const call = { fn: poolFunction({ short: true }), shape: CallShape.Apply, payload: [] };
  const futures = Array.from({ length: 4 }, () => work.submit(call));
  await bootAll();
  expect(futures.map((future) => future.running())).toEqual([true, false, false, false]);
  work.cancelPending();
  expect(futures.every((future) => future.cancelled())).toBe(true);
  expect(at(factory, 0).inbox).toEqual([]);
});

test('a shutdown cancels the first of a line also when its worker takes the next one meanwhile', async () => {
  const { factory, set, bootAll } = open(1);
  const work = new ExecutorWork(set, 'the executor');
  const call = { fn: poolFunction({ short: true }), shape: CallShape.Apply, payload: [] };
  const futures = Array.from({ length: 2 }, () => work.submit(call));
  await bootAll();
  const worker = at(factory, 0);
  const takeBack = worker.takeBack.bind(worker);
  worker.takeBack = () => {
    const id = takeBack();
    worker.takeBack = takeBack;
    worker.inbox.shift();
    return id;
  };
  work.cancelPending();
  expect(futures.map((future) => future.cancelled())).toEqual([true, false]);
});
