// The types of wait(), as a program sees them.
import type { Server, Socket } from 'node:net';
import { expectTypeOf, test } from 'vitest';
import {
  type Connection,
  type JoinableQueue,
  type Sentinel,
  type SimpleQueue,
  type Waitable,
  wait,
  waitSync,
} from '../../lib/index.js';

test('the answer is of what was given', () => {
  const connections = [] as Connection<string, number>[];
  expectTypeOf(() => wait(connections)).returns.toEqualTypeOf<
    Promise<Connection<string, number>[]>
  >();
  expectTypeOf(() => waitSync(new Set(connections))).returns.toEqualTypeOf<
    Connection<string, number>[]
  >();
  const mixed = [] as (Connection | Sentinel | Socket)[];
  expectTypeOf(() => wait(mixed, { timeout: 5, signal: new AbortController().signal }))
    .returns //
    .toEqualTypeOf<Promise<(Connection | Sentinel | Socket)[]>>();
});

test('what can be waited for', () => {
  expectTypeOf<Connection<never, never>>().toExtend<Waitable>();
  expectTypeOf<Sentinel>().toExtend<Waitable>();
  expectTypeOf<JoinableQueue<string>>().toExtend<Waitable>();
  expectTypeOf<SimpleQueue<string>>().toExtend<Waitable>();
  expectTypeOf<Socket>().toExtend<Waitable>();
  expectTypeOf<Server>().not.toExtend<Waitable>();
  expectTypeOf<number>().not.toExtend<Waitable>();
  expectTypeOf(waitSync).parameter(1).not.toExtend<{ signal?: AbortSignal } | undefined>();
});
