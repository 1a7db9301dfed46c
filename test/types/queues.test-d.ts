// The types of queues, as a program sees them.
import { expectTypeOf, test } from 'vitest';
import {
  type getContext,
  type JoinableQueue,
  type JoinableQueueOptions,
  type Loan,
  type LoanedItem,
  Queue,
  type QueueClosedError,
  type ClosedError,
  type QueueFullError,
  type SimpleQueue,
} from '../../lib/index.js';

test('what waits is a promise, its blocking twin is not', () => {
  expectTypeOf<Queue<string>['put']>().returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf<Queue<string>['get']>().returns.toEqualTypeOf<Promise<string>>();
  expectTypeOf<Queue<string>['getSync']>().returns.toEqualTypeOf<string>();
  expectTypeOf<Queue<string>['getNowait']>().returns.toEqualTypeOf<string>();
  expectTypeOf<Queue<string>['getMany']>().returns.toEqualTypeOf<Promise<string[]>>();
  expectTypeOf<Queue<string>['getManySync']>().returns.toEqualTypeOf<string[]>();
  expectTypeOf<Queue<string>['getLoan']>().returns.toEqualTypeOf<Promise<LoanedItem<string>>>();
  expectTypeOf<Queue['putLoanSync']>().parameter(0).toEqualTypeOf<Loan>();
  expectTypeOf<Loan>().toExtend<Disposable>();
  expectTypeOf<LoanedItem>().toExtend<Disposable>();
  expectTypeOf<JoinableQueue['join']>().returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf<SimpleQueue<number>['get']>().returns.toEqualTypeOf<Promise<number>>();
});

test('a queue holds what it says', () => {
  expectTypeOf<Queue<number>['put']>().parameter(0).toEqualTypeOf<number>();
  expectTypeOf<Queue<number>['putMany']>().parameter(0).toEqualTypeOf<Iterable<number>>();
  expectTypeOf<Queue<number>>().toExtend<AsyncIterable<number>>();
  expectTypeOf<Queue>().toExtend<AsyncIterable<unknown>>();
  expectTypeOf<JoinableQueue<Date>>().toExtend<Queue<Date>>();
  expectTypeOf<JoinableQueue['abandoned']>().toEqualTypeOf<number>();
  expectTypeOf(Queue<number>).toBeConstructibleWith({ maxSize: 1, maxBytes: 2 });
  // @ts-expect-error -- not what it holds
  expectTypeOf<Queue<number>['put']>().toBeCallableWith('text');
  // @ts-expect-error -- no signal reaches a blocked thread
  expectTypeOf<Queue['getSync']>().toBeCallableWith({ signal: new AbortController().signal });
});

test('options, errors, contexts', () => {
  expectTypeOf<JoinableQueueOptions['onConsumerDied']>().toEqualTypeOf<
    'redeliver' | 'count' | undefined
  >();
  expectTypeOf<QueueFullError['put']>().toEqualTypeOf<number | undefined>();
  expectTypeOf<QueueClosedError>().toExtend<ClosedError>();
  expectTypeOf<ReturnType<typeof getContext>['Queue']>().toEqualTypeOf<typeof Queue>();
  expectTypeOf<Queue>().toExtend<Disposable & AsyncDisposable>();
});
