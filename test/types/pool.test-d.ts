// The types of what a pool's tasks are told and tell, as a program sees them.
import { expectTypeOf, test } from 'vitest';
import {
  type CurrentTask,
  type PoolStats,
  type Progress,
  type TaskOptions,
  Process,
  type ProcessOptions,
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

const add = (a: number, b: number): number => a + b;
const repeat = (text: string, times = 2): string => text.repeat(times);
const sum = (...numbers: number[]): number => numbers.length;
const none = (): boolean => true;
const perhaps = (limit?: number): boolean => limit === undefined;
const same = <T>(value: T): T => value;
const constants = [1, 2] as const;
const lists = [
  [1, 2],
  [3, 4],
] as const;

test('a call has the arguments that its function takes', () => {
  type Of<T> = Promise<T>;
  expectTypeOf(() => pool.apply(add, [1, 2])).returns.toEqualTypeOf<Of<number>>();
  expectTypeOf(() => pool.apply(repeat, ['a'])).returns.toEqualTypeOf<Of<string>>();
  expectTypeOf(() => pool.apply(sum, [1, 2, 3])).returns.toEqualTypeOf<Of<number>>();
  expectTypeOf(() => pool.apply(sum, [1].concat(2))).returns.toEqualTypeOf<Of<number>>();
  expectTypeOf(() => pool.apply(same, [new Set([1])])).returns.toEqualTypeOf<Of<Set<number>>>();
  expectTypeOf(() => pool.apply((a, b) => [a, b] as const, [1, 'b'])).returns.toEqualTypeOf<
    Of<readonly [number, string]>
  >();
  expectTypeOf(() =>
    pool.applyAsync(add, [1, 2], { callback: (n) => n.toFixed() }).get(),
  ).returns.toEqualTypeOf<Of<number>>();
  expectTypeOf(<A extends unknown[], R>(fn: (...args: A) => R, args: A) =>
    pool.apply(fn, args),
  ).toBeFunction();
  // @ts-expect-error -- one argument too few
  expectTypeOf(() => pool.apply(add, [1])).toBeFunction();
  // @ts-expect-error -- a string for a number
  expectTypeOf(() => pool.applyAsync(add, [1, 'b'])).toBeFunction();
});

test('a call is without them only where its function needs none', () => {
  expectTypeOf(() => pool.apply(none)).returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(() => pool.apply(none, [])).returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(() => pool.apply(perhaps)).returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(() => pool.apply(sum, undefined, { retry: 1 })).toBeFunction();
  expectTypeOf(() => pool.applyAsync(none, [], { callback: (ok) => !ok })).toBeFunction();
  // @ts-expect-error -- it needs two
  expectTypeOf(() => pool.apply(add)).toBeFunction();
  // @ts-expect-error -- it needs two
  expectTypeOf(() => pool.applyAsync(add)).toBeFunction();
});

test('arguments may be constants', () => {
  expectTypeOf(() => pool.apply(add, constants)).returns.toEqualTypeOf<Promise<number>>();
  expectTypeOf(() => pool.applyAsync(add, constants)).toBeFunction();
  expectTypeOf(() => pool.starmap(add, lists)).returns.toEqualTypeOf<Promise<number[]>>();
  expectTypeOf(() => pool.starmap(add, [[1, 2]])).returns.toEqualTypeOf<Promise<number[]>>();
  expectTypeOf(() => pool.starmapAsync(repeat, new Set([['a']] as const))).toBeFunction();
  expectTypeOf(() => new Process({ target: add, args: constants })).toBeFunction();
  // @ts-expect-error -- a string for a number
  expectTypeOf(() => pool.starmap(add, [[1, 'b']])).toBeFunction();
});

test('what the pool tells', () => {
  expectTypeOf(() => pool.ready({ timeout: 5 })).returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf(pool.stats).toEqualTypeOf<PoolStats>();
  expectTypeOf<PoolStats['runMs']['p90']>().toBeNumber();
  expectTypeOf<{ signal: AbortSignal }>().toExtend<TaskOptions>();
});

test('a process has the arguments that its target needs', () => {
  expectTypeOf(() => new Process()).toBeFunction();
  expectTypeOf(() => new Process({ name: 'without a target' })).toBeFunction();
  expectTypeOf(() => new Process({ target: none })).toBeFunction();
  expectTypeOf(() => new Process({ target: perhaps })).toBeFunction();
  expectTypeOf(() => new Process({ target: sum })).toBeFunction();
  expectTypeOf(() => new Process({ target: add, args: [1, 2] })).toBeFunction();
  expectTypeOf(() => new Process({ target: sum, args: [1].concat(2) })).toBeFunction();
  expectTypeOf(() => new Process({ target: repeat, args: ['a'] })).toBeFunction();
  expectTypeOf(() => new Process({ target: (a, b) => [a, b], args: [1, 'b'] })).toBeFunction();
  // @ts-expect-error -- it needs two
  expectTypeOf(() => new Process({ target: add })).toBeFunction();
  // @ts-expect-error -- it needs one
  expectTypeOf(() => new Process({ target: (n: number) => n, daemon: true })).toBeFunction();
  // @ts-expect-error -- one argument too few
  expectTypeOf(() => new Process({ target: add, args: [1] })).toBeFunction();
  // @ts-expect-error -- one too many
  expectTypeOf(() => new Process({ target: none, args: [1] })).toBeFunction();
  // @ts-expect-error -- nobody knows how many there are
  expectTypeOf(() => new Process({ target: add, args: new Set([1, 2]) })).toBeFunction();
});

test('a subclass hands options on, or none', () => {
  class Job extends Process {
    constructor(options?: ProcessOptions) {
      super(options);
    }
  }
  class Named extends Process<[number]> {
    constructor() {
      super({ name: 'without a target' });
    }
  }
  expectTypeOf(() => [new Job({ target: none }), new Named()]).toBeFunction();
});
