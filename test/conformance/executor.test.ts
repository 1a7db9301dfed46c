// CPython's ExecutorTest, ProcessPoolExecutorTest and ExecutorDeadlockTest (Lib/test/test_concurrent_futures), the original id in
// every title. A program of test/fixtures/executor runs all of a class, with one executor where that makes no difference.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { program } from '../fixtures/executor/programs.js';
import { describeConformance } from '../support/start-methods.js';

const fixtures = pathToFileURL(
  path.resolve(import.meta.dirname, '..', 'fixtures', 'executor'),
).href;

/** Titles by the name of the test; behind the name what is adapted or different. */
function declare(check: (name: string) => Promise<void>, titles: readonly string[]): void {
  for (const title of titles) {
    const name = title.replace(/^\w+\./, '').replace(/ \(.*$/, '');
    test(title, () => check(name));
  }
}

describeConformance('ExecutorTest', (testCase) => {
  declare(program(testCase, 'conformance-executor'), [
    'ExecutorTest.test_submit',
    'ExecutorTest.test_submit_keyword (adapted: an object in place of keywords)',
    'ExecutorTest.test_map',
    'ExecutorTest.test_map_exception',
    'ExecutorTest.test_map_timeout_from_callable',
    'ExecutorTest.test_map_timeout',
    'ExecutorTest.test_map_close',
    'ExecutorTest.test_map_buffersize_type_validation (adapted: a fraction is a number, so a RangeError)',
    'ExecutorTest.test_map_buffersize_value_validation',
    'ExecutorTest.test_map_buffersize',
    'ExecutorTest.test_map_buffersize_on_multiple_iterables',
    'ExecutorTest.test_map_buffersize_on_infinite_iterable',
    'ExecutorTest.test_map_buffersize_on_multiple_infinite_iterables',
    'ExecutorTest.test_map_buffersize_on_empty_iterable',
    'ExecutorTest.test_map_buffersize_without_iterable',
    'ExecutorTest.test_map_buffersize_when_buffer_is_full',
    'ExecutorTest.test_shutdown_race_issue12456',
    'ExecutorTest.test_no_stale_references (adapted: a WeakRef and an exposed collector)',
    'ExecutorTest.test_max_workers_negative',
    'ExecutorTest.test_free_reference (adapted: a WeakRef and an exposed collector)',
    'ExecutorTest.test_swallows_falsey_exceptions (adapted: thrown falsy values, as errors are never falsy)',
  ]);
});

describeConformance('ProcessPoolExecutorTest', (testCase) => {
  declare(program(testCase, 'conformance-process-pool'), [
    'ProcessPoolExecutorTest.test_max_workers_too_large (adapted: more than 61 workers are fine)',
    'ProcessPoolExecutorTest.test_killed_child (different: the death fails its own task, and the executor goes on)',
    'ProcessPoolExecutorTest.test_broken_process_pool_traceback (adapted: each future has an error of its own; an initializer breaks the executor)',
    'ProcessPoolExecutorTest.test_map_chunksize',
    'ProcessPoolExecutorTest.test_traceback (adapted: the stack of the error itself)',
    'ProcessPoolExecutorTest.test_traceback_when_child_process_terminates_abruptly (adapted: the message and exitCode of the error itself)',
    'ProcessPoolExecutorTest.test_ressources_gced_in_workers (adapted: a WeakRef and an exposed collector)',
    'ProcessPoolExecutorTest.test_saturation',
    'ProcessPoolExecutorTest.test_idle_process_reuse_one',
    'ProcessPoolExecutorTest.test_idle_process_reuse_multiple',
    'ProcessPoolExecutorTest.test_terminate_workers (adapted: the worker tells which signal it got)',
    'ProcessPoolExecutorTest.test_kill_workers (adapted: the worker cannot tell of a signal)',
    'ProcessPoolExecutorTest.test_force_shutdown_workers',
    'ProcessPoolExecutorTest.test_force_shutdown_workers_dead_workers',
    'ProcessPoolExecutorTest.test_force_shutdown_workers_not_started_yet',
    'ProcessPoolExecutorTest.test_force_shutdown_workers_stops_pool',
  ]);
  declare(program(testCase, 'conformance-max-tasks'), [
    'ProcessPoolExecutorTest.test_max_tasks_per_child (different: with fork too)',
    'ProcessPoolExecutorTest.test_max_tasks_per_child_defaults_to_spawn_context (different: a forked worker can be replaced, so the default stays)',
    'ProcessPoolExecutorTest.test_max_tasks_per_child_pending_tasks_gh115634',
    'ProcessPoolExecutorTest.test_shutdown_no_wait_max_tasks_gh119592 (different: what was accepted is finished after collection too)',
    'ProcessPoolExecutorTest.test_gc_during_max_tasks_worker_exit_gh152967 (different: what was accepted is finished after collection too)',
    'ProcessPoolExecutorTest.test_force_shutdown_during_max_tasks_worker_exit (adapted: what waits is cancelled, as by any other terminateWorkers)',
    'ProcessPoolExecutorTest.test_failed_worker_replacement_breaks_pool (adapted: an initializer lets one worker start only)',
    'ProcessPoolExecutorTest.test_max_tasks_early_shutdown',
  ]);
});

const ALONE = 'different: it fails its own task, and the executor goes on';

describeConformance('ExecutorDeadlockTest', (testCase) => {
  declare(program(testCase, 'conformance-deadlock'), [
    'ExecutorDeadlockTest.test_error_at_task_pickle',
    `ExecutorDeadlockTest.test_exit_at_task_unpickle (${ALONE})`,
    `ExecutorDeadlockTest.test_error_at_task_unpickle (${ALONE})`,
    `ExecutorDeadlockTest.test_crash_at_task_unpickle (${ALONE})`,
    `ExecutorDeadlockTest.test_crash_during_func_exec_on_worker (${ALONE})`,
    'ExecutorDeadlockTest.test_exit_during_func_exec_on_worker (different: process.exit ends the worker, which fails its own task)',
    'ExecutorDeadlockTest.test_error_during_func_exec_on_worker',
    `ExecutorDeadlockTest.test_crash_during_result_pickle_on_worker (${ALONE})`,
    'ExecutorDeadlockTest.test_exit_during_result_pickle_on_worker (different: process.exit ends the worker, which fails its own task)',
    'ExecutorDeadlockTest.test_error_during_result_pickle_on_worker',
    `ExecutorDeadlockTest.test_error_during_result_unpickle_in_result_handler (${ALONE})`,
    'ExecutorDeadlockTest.test_shutdown_deadlock (different: the error is the WorkerDiedError of its task)',
    'ExecutorDeadlockTest.test_shutdown_deadlock_pickle',
    'ExecutorDeadlockTest.test_crash_big_data (different: each death fails its own task, and the executor goes on)',
    'ExecutorDeadlockTest.test_gh105829_should_not_deadlock_if_wakeup_pipe_full (adapted: there is no such pipe; a hundred tasks at once)',
  ]);

  test('ExecutorDeadlockTest.test_exit_during_result_unpickle_in_result_handler (different: process.exit ends the program, and its workers with it)', async () => {
    const { code, stdout, stderr } = await testCase.run(
      `import { make } from '${fixtures}/harness.mjs';
      import { load, makeAtRebuild } from '${fixtures}/tasks.mjs';
      await make({ maxWorkers: 2, initializer: load }).submit(makeAtRebuild, 'exit').result();
      console.log('the program goes on');`,
      { esm: true },
    );
    expect([code, stdout, stderr]).toEqual([1, '', '']);
  });
});
