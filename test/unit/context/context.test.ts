// A context is the package's surface for one start method: nothing may be forgotten there when it is added to the package.
import { expect, test } from 'vitest';
import * as mp from '../../../dist/index.js';

/** What has nothing to do with a start method, and is not in Python's contexts either. */
const OUTSIDE = new Set([
  ...[
    'wait',
    'waitSync',
    'waitFutures',
    'asCompleted',
    'Future',
    'Connection',
    'Loan',
    'LoanedItem',
  ],
  ...['registerReducer', 'taskRef', 'fork', 'exitNow', 'registerAtFork'],
]);

const isError = (value: unknown): boolean =>
  typeof value === 'function' && value.prototype instanceof Error;

test('a context has everything of the package that depends on it', () => {
  const expected = Object.entries(mp)
    .filter(([name, value]) => !isError(value) && !OUTSIDE.has(name))
    .map(([name]) => name);
  expect(expected).toContain('currentTask');
  expect(Object.keys(mp.getContext('spawn')).sort()).toEqual(expected.sort());
  expect(mp.getContext('spawn').currentTask).toBe(mp.currentTask);
});
