// How long a task that was given up may go on: its worker is killed then, whether or not it can be heard.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TaskGuard } from '../../../lib/pool/task-guard.js';
import { poolFunction, watchedTask } from './fake-workers.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** `hear`: what the worker has said so far can be read to its end. */
function guarded() {
  let kills = 0;
  let hear = (): void => undefined;
  const caughtUp = new Promise<void>((resolve) => {
    hear = resolve;
  });
  const guard = new TaskGuard({ catchUp: () => caughtUp, kill: () => void kills++ });
  const { task } = watchedTask(poolFunction());
  guard.turnTo(task);
  task.graceMs = 10;
  guard.turnTo(task);
  return { guard, hear, kills: () => kills };
}

test('is killed once, when what it said has been read', async () => {
  const { guard, hear, kills } = guarded();
  await vi.advanceTimersByTimeAsync(10);
  expect(kills()).toBe(0);
  hear();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([kills(), guard.killed]).toEqual([1, true]);
});

test('is killed a second later although what it has begun to say does not come to its end', async () => {
  const { guard, kills } = guarded();
  await vi.advanceTimersByTimeAsync(10 + 999);
  expect(kills()).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect([kills(), guard.killed]).toEqual([1, true]);
});

test('is not killed when the end of the task is heard at last', async () => {
  const { guard, hear, kills } = guarded();
  await vi.advanceTimersByTimeAsync(500);
  guard.turnTo(undefined);
  hear();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([kills(), guard.killed]).toEqual([0, false]);
});
