// The types of the executor and its futures, as a program sees them.
import { expectTypeOf, test } from 'vitest';
import {
  type Future,
  type ProcessPoolExecutor,
  type getContext,
  asCompleted,
  waitFutures,
} from '../../lib/index.js';

declare const executor: ProcessPoolExecutor;
declare const futures: Future<number>[];
const add = (a: number, b: number): number => a + b;
const later = (text: string): Promise<string[]> => Promise.resolve([text]);

test('a call has the parameters of its function, and its future the result', () => {
  expectTypeOf(() => executor.submit(add, 1, 2)).returns.toEqualTypeOf<Future<number>>();
  expectTypeOf(() => executor.submit(later, 'a')).returns.toEqualTypeOf<Future<string[]>>();
  // @ts-expect-error -- one argument too few
  expectTypeOf(() => executor.submit(add, 1)).toBeFunction();
  // @ts-expect-error -- a string for a number
  expectTypeOf(() => executor.submit(add, 1, 'b')).toBeFunction();
});

test('a map has an iterable for each parameter, and options behind them', () => {
  type Numbers = AsyncIterableIterator<number>;
  expectTypeOf(() => executor.map(add, [1], new Set([2]))).returns.toEqualTypeOf<Numbers>();
  expectTypeOf(() =>
    executor.map(add, [1], [2], { chunkSize: 2, timeout: 5, bufferSize: 3 }),
  ).returns.toEqualTypeOf<Numbers>();
  expectTypeOf(() => executor.map(later, 'ab', {})).returns.toEqualTypeOf<
    AsyncIterableIterator<string[]>
  >();
  // @ts-expect-error -- strings for numbers
  expectTypeOf(() => executor.map(add, ['a'], [2])).toBeFunction();
  // @ts-expect-error -- no such option
  expectTypeOf(() => executor.map(add, [1], [2], { chunksize: 2 })).toBeFunction();
});

test('a future is awaited to its result, and others take it as it is', () => {
  expectTypeOf<Awaited<Future<number>>>().toEqualTypeOf<number>();
  expectTypeOf<Future<number>>().toExtend<Future>();
  expectTypeOf(() => asCompleted(futures)).returns.toEqualTypeOf<
    AsyncIterableIterator<Future<number>>
  >();
  expectTypeOf(() => waitFutures(futures, { returnWhen: 'FIRST_EXCEPTION' })).returns.toEqualTypeOf<
    Promise<{ done: Set<Future<number>>; notDone: Set<Future<number>> }>
  >();
  expectTypeOf<ReturnType<typeof getContext>['ProcessPoolExecutor']>().toEqualTypeOf<
    typeof ProcessPoolExecutor
  >();
});
