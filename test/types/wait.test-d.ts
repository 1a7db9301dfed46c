// The types of wait(), as a program sees them.
import { expectTypeOf, test } from 'vitest';
import {
  type Connection,
  type Process,
  type Sentinel,
  type Waitable,
  wait,
} from '../../lib/index.js';

test('answers of the kind that it was given', () => {
  expectTypeOf(wait<Connection<string>>).returns.toEqualTypeOf<Promise<Connection<string>[]>>();
  expectTypeOf(wait<Connection | Sentinel>).returns.toEqualTypeOf<
    Promise<(Connection | Sentinel)[]>
  >();
  expectTypeOf<Connection>().toExtend<Waitable>();
  expectTypeOf<Sentinel>().toExtend<Waitable>();
  expectTypeOf<Process>().not.toExtend<Waitable>();
});
