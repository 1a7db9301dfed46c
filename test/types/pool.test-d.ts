// The types of what a pool's tasks are told and tell, as a program sees them.
import { expectTypeOf, test } from 'vitest';
import {
  type CurrentTask,
  type PoolStats,
  type Progress,
  type TaskOptions,
  type Pool,
  currentTask,
} from '../../lib/index.js';

declare const pool: Pool;

test('the task that runs may be none', () => {
  expectTypeOf(currentTask).returns.toEqualTypeOf<CurrentTask | null>();
  expectTypeOf(currentTask()?.signal).toEqualTypeOf<AbortSignal | undefined>();
});

test('results have the types of what the function returns', () => {
  expectTypeOf(() =>
    pool.apply((n: number) => Promise.resolve(`${n}`), [1], { priority: 1, taskTimeout: 5 }),
  ).returns.toEqualTypeOf<Promise<string>>();
  expectTypeOf(() =>
    pool.map((n: number) => n > 1, [1], {
      retry: 2,
      progress: 'reading',
      onProgress: (progress) => expectTypeOf(progress).toEqualTypeOf<Progress>(),
      onReport: (value, index) => {
        expectTypeOf(value).toBeUnknown();
        expectTypeOf(index).toBeNumber();
      },
    }),
  ).returns.toEqualTypeOf<Promise<boolean[]>>();
});

test('what the pool tells', () => {
  expectTypeOf(() => pool.ready({ timeout: 5 })).returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf(pool.stats).toEqualTypeOf<PoolStats>();
  expectTypeOf<PoolStats['runMs']['p90']>().toBeNumber();
  expectTypeOf<{ signal: AbortSignal }>().toExtend<TaskOptions>();
});
