// CPython's WaitTests, AsCompletedTests and tests of initializers (Lib/test/test_concurrent_futures), the original id in every
// title.
import { test } from 'vitest';
import { program } from '../fixtures/executor/programs.js';
import { describeConformance, when } from '../support/start-methods.js';

describeConformance('WaitTests and AsCompletedTests', (testCase) => {
  const check = program(testCase, 'conformance-waits');
  for (const name of [
    'test_20369',
    'test_first_completed',
    'test_first_completed_some_already_completed',
    'test_first_exception',
    'test_first_exception_some_already_complete',
    'test_first_exception_one_already_failed',
    'test_all_completed',
    'test_timeout',
  ])
    test(`WaitTests.${name}`, () => check(name));

  for (const name of [
    'test_no_timeout',
    'test_future_times_out',
    'test_duplicate_futures',
    'test_correct_timeout_exception_msg',
  ])
    test(`AsCompletedTests.${name}`, () => check(name));

  test('AsCompletedTests.test_free_reference_yielded_future (adapted: a WeakRef and an exposed collector)', () =>
    check('test_free_reference_yielded_future'));
});

describeConformance('InitializerMixin, FailingInitializerMixin', (testCase) => {
  const check = program(testCase, 'conformance-init');

  test('InitializerMixin.test_initializer', () => check('working'));

  test('FailingInitializerMixin.test_initializer (adapted: not logged, but the cause of every error)', () =>
    check('failing'));

  when(testCase.method === 'spawn')(
    'FailingInitializerResourcesTest.test_spawn (adapted: no descriptor is left, as there is no tracker to ask)',
    () => check('resources'),
  );
});
