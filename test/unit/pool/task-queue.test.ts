import { describe, expect, test, vi } from 'vitest';
import { Lane } from '../../../lib/pool/lane.js';
import type { Flow, Task } from '../../../lib/pool/task.js';
import { TaskQueue } from '../../../lib/pool/task-queue.js';
import { poolFunction, watchedTask } from './fake-workers.js';

const fn = poolFunction();
const flowOf = (): Flow => ({ turn: 0 });

function make(names: readonly string[], spec: { flow?: Flow; priority?: number } = {}) {
  const { flow, priority } = spec;
  return names.map((name) => ({
    name,
    ...watchedTask(fn, { flow, control: { priority } }),
  }));
}

/** As a worker that knows all functions. */
const next = (queue: TaskQueue): Task | undefined => queue.take(Infinity, () => false);

/** Takes everything, and says what it was. */
function order(queue: TaskQueue, made: readonly { name: string; task: Task }[]): string {
  const names = new Map(made.map(({ name, task }) => [task, name]));
  let taken = '';
  for (let task; (task = next(queue)) !== undefined;) taken += names.get(task);
  return taken;
}

describe('tasks that wait', () => {
  test('go first in, first out', () => {
    const queue = new TaskQueue();
    const tasks = make([...'abcdef']);
    for (const { task } of tasks) queue.push(task);
    expect(queue.length).toBe(6);
    expect(order(queue, tasks)).toBe('abcdef');
    expect(queue.length).toBe(0);
  });

  test('go by priority first, and in order among equals', () => {
    const queue = new TaskQueue();
    const tasks = [
      ...make(['a', 'b']),
      ...make(['c', 'd'], { priority: 5 }),
      ...make(['e'], { priority: -1 }),
      ...make(['f'], { priority: 5 }),
      ...make(['g'], { priority: 6 }),
    ];
    for (const { task } of tasks) queue.push(task);
    expect(order(queue, tasks)).toBe('gcdfabe');
  });

  test('of a long map let a call go before them, whenever it comes', () => {
    const queue = new TaskQueue();
    const long = make([...'mnopqr'], { flow: flowOf() });
    for (const { task } of long) queue.push(task);
    next(queue);
    next(queue);
    const calls = make(['1', '2']);
    for (const { task } of calls) queue.push(task);
    expect(order(queue, [...long, ...calls])).toBe('1o2pqr');
  });

  test('of several maps take turns, however long each is', () => {
    const queue = new TaskQueue();
    const maps = [
      make([...'abcd'], { flow: flowOf() }),
      make([...'12'], { flow: flowOf() }),
      make([...'xyz'], { flow: flowOf() }),
    ].flat();
    for (const { task } of maps) queue.push(task);
    expect(order(queue, maps)).toBe('a1xb2yczd');
  });

  test('a flow that comes back in small portions does not push in front of the others', () => {
    const queue = new TaskQueue();
    const flow = flowOf();
    const calls = make([...'123456']);
    for (const { task } of calls) queue.push(task);
    const names = new Map(calls.map(({ name, task }) => [task, name]));
    let taken = '';
    for (const { name, task } of [...'abcdef'].flatMap((portion) => make([portion], { flow }))) {
      names.set(task, name);
      queue.push(task);
      for (let i = 0; i < 2; i++) taken += names.get(next(queue)!);
    }
    expect(taken).toBe('1a2b3c4d5e6f');
  });

  test('a level that was empty for a while begins where the others are', () => {
    const queue = new TaskQueue();
    const flow = flowOf();
    const high = make([...'abc'], { flow, priority: 1 });
    for (const { task } of high) queue.push(task);
    expect(order(queue, high)).toBe('abc');
    const later = [...make(['d'], { flow, priority: 1 }), ...make(['1', '2'], { priority: 1 })];
    for (const { task } of later) queue.push(task);
    expect(order(queue, later)).toBe('1d2');
  });

  test('come back to the front when nobody could begin them', () => {
    const queue = new TaskQueue();
    const tasks = make([...'abc']);
    for (const { task } of tasks) queue.push(task);
    const first = next(queue)!;
    queue.unshift(first);
    expect(queue.length).toBe(3);
    expect(order(queue, tasks)).toBe('abc');
  });

  test('are passed over by a worker that does not know their function only if it may', () => {
    const queue = new TaskQueue();
    const known = watchedTask(fn);
    const unknown = watchedTask(poolFunction(), { control: { priority: 1 } });
    queue.push(unknown.task);
    queue.push(known.task);
    expect(queue.first).toBe(unknown.task);
    expect(queue.take(fn.id, () => false)).toBeUndefined();
    expect(queue.take(fn.id, () => true)).toBe(known.task);
    expect(queue.take(fn.id, () => true)).toBeUndefined();
    expect(queue.length).toBe(1);
    expect(queue.drain()).toEqual([unknown.task]);
    expect(queue.first).toBeUndefined();
    expect(next(queue)).toBeUndefined();
  });

  test('are passed over when it is the turn of those that the worker does know', () => {
    const queue = new TaskQueue();
    const [known, unknown] = [watchedTask(fn), watchedTask(poolFunction())];
    queue.push(known.task);
    queue.push(unknown.task);
    expect(queue.take(fn.id, () => false)).toBe(known.task);
  });

  test('are counted by what a worker knows, without those that have settled', () => {
    const queue = new TaskQueue();
    const young = poolFunction();
    const tasks = [fn, young, young, poolFunction()].map((one) => watchedTask(one).task);
    for (const task of tasks) queue.push(task);
    expect([0, fn.id, young.id].map((horizon) => queue.countAbove(horizon, 9))).toEqual([4, 3, 1]);
    expect(queue.countAbove(0, 2)).toBe(2);
    queue.forget(tasks[1]!);
    tasks[1]!.settle({ ok: false, error: 'gone' });
    expect(queue.countAbove(fn.id, 9)).toBe(2);
  });

  test('that have settled are read past', () => {
    const queue = new TaskQueue();
    const tasks = make([...'abc'], { priority: 2 });
    for (const { task } of tasks) queue.push(task);
    const [, b] = tasks;
    queue.forget(b!.task);
    b!.task.settle({ ok: false, error: 'gone' });
    expect(queue.length).toBe(2);
    expect(order(queue, tasks)).toBe('ac');
  });

  test('are found without a look at every map that waits', () => {
    const queue = new TaskQueue();
    const flows = Array.from({ length: 1000 }, flowOf);
    for (const flow of flows)
      for (const { task } of make(['1', '2', '3'], { flow })) queue.push(task);
    const look = vi.spyOn(Lane.prototype, 'first');
    for (let taken = 0; taken < 3000; taken++) next(queue);
    expect(look.mock.calls.length).toBeLessThan(10 * 3000);
    look.mockRestore();
    expect(queue.length).toBe(0);
    expect(next(queue)).toBeUndefined();
  });

  test.each([1, 2, 3, 4, 5])('go by priority, turn and age, whatever happens (seed %d)', (seed) => {
    let state = seed;
    const below = (count: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * count);
    };
    const queue = new TaskQueue();
    const flows = [undefined, ...Array.from({ length: 20 }, flowOf)];
    const functions = Array.from({ length: 4 }, () => poolFunction());
    const waiting = new Set<Task>();
    const given: Task[] = [];
    for (let step = 0; step < 5_000; step++) {
      const dice = below(10);
      if (dice < 4) {
        const flow = flows[below(flows.length)];
        const { task } = watchedTask(functions[below(4)]!, {
          flow,
          control: { priority: below(2) },
        });
        queue.push(task);
        waiting.add(task);
      } else if (dice < 5 && given.length > 0) {
        const [task] = given.splice(below(given.length), 1);
        queue.unshift(task!);
        waiting.add(task!);
      } else if (dice < 6 && waiting.size > 0) {
        const task = [...waiting][below(waiting.size)]!;
        queue.forget(task);
        task.settle({ ok: false, error: 'gone' });
        waiting.delete(task);
      } else {
        const horizon = functions[below(4)]!.id;
        const [expected] = [...waiting]
          .filter((task) => task.fn.id <= horizon)
          .sort((a, b) => b.priority - a.priority || a.turn - b.turn || a.id - b.id);
        const task = queue.take(horizon, () => true);
        expect(task?.id).toBe(expected?.id);
        if (task === undefined) continue;
        waiting.delete(task);
        given.push(task);
        if (given.length > 20) given.shift();
      }
      expect(queue.length).toBe(waiting.size);
    }
  });
});
