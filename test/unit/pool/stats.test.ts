import { expect, test } from 'vitest';
import { StatsCounter } from '../../../lib/pool/stats.js';
import type { Task } from '../../../lib/pool/task.js';

const now = { workers: 1, busy: 0, queued: 0 };
const DAY_MS = 86_400_000;

/** A task that has waited so many milliseconds, and then was over at once. */
const waited = (ms: number): Task => {
  const startedAt = performance.now();
  return { queuedAt: startedAt - ms, startedAt } as Task;
};

test('the distributions are within a hundredth, whatever the length', () => {
  for (const ms of [0.01, 1, 12.3, 4567, 3_600_000]) {
    const counter = new StatsCounter();
    counter.taskEnded(waited(ms), true);
    const { count, p50, p99, max } = counter.snapshot(now).waitMs;
    expect(count).toBe(1);
    for (const value of [p50, p99, max]) expect(Math.abs(value / ms - 1)).toBeLessThanOrEqual(0.01);
  }
});

test('what takes no time or more than a day is counted all the same', () => {
  const counter = new StatsCounter();
  counter.taskEnded(waited(0), true);
  counter.taskEnded(waited(10 * DAY_MS), false);
  counter.taskEnded({ startedAt: undefined } as Task, false);
  const { waitMs, completed, failed } = counter.snapshot(now);
  expect({ completed, failed, count: waitMs.count }).toEqual({ completed: 1, failed: 2, count: 2 });
  expect(Math.abs(waitMs.max / DAY_MS - 1)).toBeLessThanOrEqual(0.01);
  expect(waitMs.min).toBeLessThanOrEqual(0.001);
});
