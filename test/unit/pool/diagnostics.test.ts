import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { succeeded } from '../../../lib/pool/task.js';
import { at, makeSet } from './fake-set.js';
import { poolFunction, watchedTask } from './fake-workers.js';

const names = ['task:queue', 'task:start', 'task:end', 'worker:start', 'worker:end'];
let heard: [string, Record<string, unknown>][] = [];
const listen = (message: unknown, name: string | symbol): void => {
  heard.push([String(name), message as Record<string, unknown>]);
};

beforeEach(() => {
  heard = [];
  for (const name of names) subscribe(`node-multiprocessing:${name}`, listen);
});
afterEach(() => {
  for (const name of names) unsubscribe(`node-multiprocessing:${name}`, listen);
});

test('the life of tasks and workers can be followed', async () => {
  const { factory, set, bootAll } = makeSet(1);
  const tasks = [watchedTask(poolFunction(), { control: { priority: 2 } })];
  tasks.push(watchedTask(poolFunction()), watchedTask(poolFunction()));
  const [good, dying, dropped] = tasks.map(({ task }) => task);
  set.submit(tasks.map(({ task }) => task));
  await bootAll();
  set.cancel(dropped!, 'dropped');
  at(factory, 0).begin();
  at(factory, 0).finish(succeeded(1));
  at(factory, 0).begin();
  at(factory, 0).die();
  const pool = 'the pool';
  const about = (task: { id: number } | undefined) => ({ pool, id: task!.id, name: 'work' });
  const worker = { pool, name: 'Fake-1', pid: 1001 };
  const ms = expect.any(Number);
  expect(heard).toEqual([
    ['node-multiprocessing:task:queue', { ...about(good), priority: 2 }],
    ['node-multiprocessing:task:queue', { ...about(dying), priority: 0 }],
    ['node-multiprocessing:task:queue', { ...about(dropped), priority: 0 }],
    ['node-multiprocessing:worker:start', worker],
    [
      'node-multiprocessing:task:end',
      { ...about(dropped), ok: false, error: 'dropped', runMs: undefined },
    ],
    ['node-multiprocessing:task:start', { ...about(good), pid: 1001, waitMs: ms }],
    ['node-multiprocessing:task:end', { ...about(good), ok: true, error: undefined, runMs: ms }],
    ['node-multiprocessing:task:start', { ...about(dying), pid: 1001, waitMs: ms }],
    ['node-multiprocessing:worker:end', { ...worker, exitCode: -9, signalCode: 'SIGKILL' }],
    [
      'node-multiprocessing:task:end',
      {
        ...about(dying),
        ok: false,
        error: expect.objectContaining({ code: 'ERR_MP_WORKER_DIED' }),
        runMs: ms,
      },
    ],
  ]);
});
