// The types of locks and their kin, as a program sees them.
import { expectTypeOf, test } from 'vitest';
import {
  type Barrier,
  type BoundedSemaphore,
  type Condition,
  type Event,
  type Lock,
  type LockAbandonedError,
  type NamedSemaphore,
  type NotOwnerError,
  type RLock,
  type Semaphore,
  type StateError,
  type getContext,
  type Guard,
} from '../../lib/index.js';

test('what waits is a promise, its blocking twin is not', () => {
  expectTypeOf<Lock['acquire']>().returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf<Lock['acquireSync']>().returns.toEqualTypeOf<boolean>();
  expectTypeOf<Semaphore['acquire']>().returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf<Event['wait']>().returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf<Condition['waitFor']>().returns.toEqualTypeOf<Promise<boolean>>();
  expectTypeOf<Barrier['wait']>().returns.toEqualTypeOf<Promise<number>>();
  expectTypeOf<Barrier['waitSync']>().returns.toEqualTypeOf<number>();
});

test('guards are disposable, and bodies keep their type', () => {
  expectTypeOf<Guard>().toExtend<Disposable>();
  expectTypeOf<Lock['hold']>().returns.toEqualTypeOf<Promise<Guard>>();
  const lock = {} as RLock;
  expectTypeOf(() => lock.withLock(() => 'text')).returns.toEqualTypeOf<Promise<string>>();
  expectTypeOf(() => lock.withLockSync(() => 'text')).returns.toEqualTypeOf<string>();
});

test('a context has them too, and one kind is another', () => {
  expectTypeOf<ReturnType<typeof getContext>['NamedSemaphore']>().toEqualTypeOf<
    typeof NamedSemaphore
  >();
  expectTypeOf<NotOwnerError>().toExtend<StateError>();
  expectTypeOf<LockAbandonedError['owner']>().toEqualTypeOf<LockAbandonedError['pid']>();
  expectTypeOf<ReturnType<typeof getContext>['Lock']>().toEqualTypeOf<typeof Lock>();
  expectTypeOf<RLock>().toExtend<Lock>();
  expectTypeOf<BoundedSemaphore>().toExtend<Semaphore>();
  expectTypeOf<Parameters<RLock['release']>[0]>().toEqualTypeOf<
    { holder?: object | undefined } | undefined
  >();
  // @ts-expect-error -- no signal reaches a blocked thread
  expectTypeOf<Lock['acquireSync']>().toBeCallableWith({ signal: new AbortController().signal });
});
