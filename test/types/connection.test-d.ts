// The types of connections and their loans, as a program sees them.
import { expectTypeOf, test } from 'vitest';
import { Connection, Loan, type LoanedItem, Pipe } from '../../lib/index.js';

test('what is lent and received in place', () => {
  type End = Connection<string, number>;
  expectTypeOf<End['loan']>().parameters.toEqualTypeOf<[size: number]>();
  expectTypeOf<End['loan']>().returns.toEqualTypeOf<Loan>();
  expectTypeOf<End['sendLoan']>().parameter(0).toEqualTypeOf<Loan>();
  expectTypeOf<End['sendLoan']>().returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf<End['sendLoanSync']>().parameters.toEqualTypeOf<[loan: Loan]>();
  expectTypeOf<End['recvLoan']>().returns.toEqualTypeOf<Promise<LoanedItem<string>>>();
  expectTypeOf<End['recvLoanSync']>().returns.toEqualTypeOf<LoanedItem<string>>();
  // @ts-expect-error -- no signal reaches a blocked thread
  expectTypeOf<End['recvLoanSync']>().toBeCallableWith({ signal: new AbortController().signal });
  // @ts-expect-error -- the size is in bytes
  expectTypeOf<End['loan']>().toBeCallableWith('1');
});

declare const nothing: never;

test('connections and loans are made by what gives them', () => {
  // @ts-expect-error -- Pipe() makes connections
  expectTypeOf(() => new Connection(nothing)).toBeFunction();
  // @ts-expect-error -- loan() makes loans
  expectTypeOf(() => new Loan(nothing, 1)).toBeFunction();
});

test('the two ends mirror each other', () => {
  const pipe = Pipe<string, number>;
  expectTypeOf(pipe).returns.toEqualTypeOf<
    [Connection<string, number>, Connection<number, string>]
  >();
});
