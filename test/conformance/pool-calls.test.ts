// CPython's _TestPool, TestInitializers and TestPoolNotLeakOnFailure (Lib/test/_test_multiprocessing.py), with their ids as titles.
import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeConformance } from '../support/start-methods.js';

/** The tests of test/fixtures/pool/cpython.mjs, which share one pool. */
const TESTS: Record<string, string> = {
  test_apply: 'adapted: an object for keyword arguments',
  test_map: '',
  test_starmap: '',
  test_starmap_async: '',
  test_map_async: '',
  test_map_async_callbacks: '',
  test_map_unplicklable: '',
  test_map_chunksize: '',
  test_map_handle_iterable_exception: '',
  test_async: '',
  test_async_timeout: '',
  test_imap: '',
  test_imap_with_chunksize: '',
  test_imap_handle_iterable_exception:
    'different: what the source gave before its error comes before it, also out of a chunk',
  test_imap_unordered: '',
  test_imap_unordered_with_chunksize: '',
  test_imap_unordered_handle_iterable_exception: '',
  test_imap_and_imap_unordered_with_buffersize_type_validation: '',
  test_imap_and_imap_unordered_when_buffer_is_full:
    'different: without a buffer the read-ahead has a bound too',
  test_imap_and_imap_unordered_with_buffersize_when_buffer_is_full: '',
  test_imap_with_buffersize_close_after_partial_consumption: '',
  test_imap_and_imap_unordered_with_buffersize_on_empty_iterable: '',
  test_imap_with_buffersize_on_infinite_iterable: '',
  test_imap_unordered_with_buffersize_on_infinite_iterable: '',
  test_make_pool: '',
  test_terminate: '',
  test_empty_iterable: '',
  test_context: '',
  test_traceback: 'adapted: the error itself has the stack of the process that threw it',
  test_map_no_failfast: '',
  test_release_task_refs: 'adapted: weak references, and a collector that is asked',
  test_enter: 'different: a scope has no entry, so every use of the pool in it is refused',
  test_resource_warning: 'adapted: a process warning',
};

describeConformance('_TestPool', (testCase) => {
  const report = program(testCase, 'cpython', { nodeArgs: ['--expose-gc'] });
  for (const [name, note] of Object.entries(TESTS)) {
    test(`_TestPool.${name}${note === '' ? '' : ` (${note})`}`, async () => {
      expect((await report())[name]).toBe('held');
    });
  }
});

describeConformance('TestInitializers', (testCase) => {
  test('TestInitializers.test_pool_initializer', async () => {
    const { code, stderr } = await testCase.run(
      `import assert from 'node:assert/strict';
      import { Pipe, Pool } from 'node-multiprocessing';
      const startMethod = process.env.MP_TEST_START_METHOD;
      assert.throws(() => new Pool({ initializer: 1 }), TypeError);
      const [here, there] = Pipe();
      const initializer = async (connection) => { await connection.send(1); };
      const pool = new Pool({ processes: 1, initializer, initArgs: [there], startMethod });
      await pool.ready();
      pool.close();
      await pool.join();
      assert.equal(await here.recv(), 1);
      for (const end of [here, there]) end.close();`,
      { esm: true },
    );
    expect([code, stderr]).toEqual([0, '']);
  });
});

describeConformance('TestPoolNotLeakOnFailure', (testCase) => {
  test('TestPoolNotLeakOnFailure.test_release_unused_processes (adapted: the pool is broken, with the error as its cause)', async () => {
    const { code, stderr } = await testCase.run(
      `import assert from 'node:assert/strict';
      import { Pool, Process } from 'node-multiprocessing';
      const { start } = Process.prototype;
      const started = [];
      let failIn = 3;
      Process.prototype.start = async function () {
        if (failIn-- <= 0) throw new Error('Manually induced OSError');
        await start.call(this);
        started.push(this.pid);
      };
      const pool = new Pool({ processes: 5, startMethod: process.env.MP_TEST_START_METHOD });
      const broken = { code: 'ERR_MP_BROKEN_POOL', cause: new Error('Manually induced OSError') };
      await assert.rejects(pool.ready(), broken);
      await assert.rejects(pool.apply(() => 1), broken);
      pool.close();
      await pool.join();
      assert.equal(started.length, 3);
      for (const pid of started) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });`,
      { esm: true },
    );
    expect([code, stderr]).toEqual([0, '']);
  });
});
