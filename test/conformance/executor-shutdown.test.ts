// CPython's ExecutorShutdownTest and ProcessPoolShutdownTest (Lib/test/test_concurrent_futures/test_shutdown.py), the original id
// in every title.
import path from 'node:path';
import { expect, test } from 'vitest';
import { program } from '../fixtures/executor/programs.js';
import { describeConformance } from '../support/start-methods.js';

const fixture = (name: string): { file: string } => ({
  file: path.resolve(import.meta.dirname, '..', 'fixtures', 'executor', `${name}.mjs`),
});

describeConformance('ExecutorShutdownTest', (testCase) => {
  const check = program(testCase, 'conformance-shutdown');
  const lines = async (name: string): Promise<string[]> => {
    const { code, stdout, stderr } = await testCase.run(fixture(name));
    expect([code, stderr]).toEqual([0, '']);
    return stdout.trim().split('\n');
  };
  let ended: Promise<string[]> | undefined;

  test('ExecutorShutdownTest.test_run_after_shutdown', () => check('test_run_after_shutdown'));

  test('ExecutorShutdownTest.test_interpreter_shutdown', async () => {
    ended ??= lines('program-exit');
    expect((await ended)[0]).toBe('apple');
  });

  test('ExecutorShutdownTest.test_submit_after_interpreter_shutdown (adapted: in an exit listener)', async () => {
    ended ??= lines('program-exit');
    expect((await ended)[1]).toBe(
      'ERR_MP_STATE the executor takes no more work: this process is about to end',
    );
  });

  test('ExecutorShutdownTest.test_hang_issue12364', () => check('test_hang_issue12364'));

  test('ExecutorShutdownTest.test_cancel_futures', () => check('test_cancel_futures'));

  test('ExecutorShutdownTest.test_hang_gh83386', async () => {
    expect(await lines('program-no-wait')).toEqual(['apple']);
  });

  test('ExecutorShutdownTest.test_hang_gh94440', () => check('test_hang_gh94440'));

  test('ProcessPoolShutdownTest.test_processes_terminate (different: workers start on demand with fork too)', () =>
    check('test_processes_terminate'));

  test('ProcessPoolShutdownTest.test_context_manager_shutdown (adapted: the dispose protocol)', () =>
    check('test_context_manager_shutdown'));

  test('ProcessPoolShutdownTest.test_del_shutdown (adapted: a WeakRef and an exposed collector)', () =>
    check('test_del_shutdown'));

  test('ProcessPoolShutdownTest.test_shutdown_no_wait', () => check('test_shutdown_no_wait'));

  test('ProcessPoolShutdownTest.test_shutdown_gh_132969_case_1', () =>
    check('test_shutdown_gh_132969_case_1'));

  test('ProcessPoolShutdownTest.test_shutdown_gh_132969_case_2', () =>
    check('test_shutdown_gh_132969_case_2'));
});
