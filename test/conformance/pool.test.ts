// CPython's _TestPoolWorkerErrors and _TestPoolWorkerLifetime (Lib/test/_test_multiprocessing.py), with their ids as titles.
import { expect, test } from 'vitest';
import { describeConformance, type Case } from '../support/start-methods.js';

const head = `
  const assert = require('node:assert/strict');
  const mp = require('node-multiprocessing');
  const folder = require('node:path').join(process.cwd(), 'test/fixtures/pool');
  const Pool = (processes, options) => new mp.Pool({ processes, startMethod: process.env.MP_TEST_START_METHOD, ...options });`;

async function check(testCase: Case, body: string): Promise<void> {
  const program = `${head}
    Promise.all([import(folder + '/tasks.mjs'), import(folder + '/harness.mjs')]).then(async ([tasks, { until }]) => {${body}});`;
  const { code, signal, stderr } = await testCase.run(program);
  expect([code, signal, stderr]).toEqual([0, null, '']);
}

describeConformance('_TestPoolWorkerErrors', (testCase) => {
  test('_TestPoolWorkerErrors.test_async_error_callback', async () => {
    await check(
      testCase,
      `const p = Pool(2);
      let heard;
      const result = p.applyAsync(tasks.failAt, [3], { errorCallback: (error) => { heard = error; } });
      await assert.rejects(result.get(), RangeError);
      assert.ok(heard instanceof RangeError);
      await assert.rejects(result.get(), (error) => error === heard);
      p.close();
      await p.join();`,
    );
  });

  test('_TestPoolWorkerErrors.test_unpickleable_result', async () => {
    await check(
      testCase,
      `const p = Pool(2);
      await p.map(tasks.slowPid, [20, 20], { chunkSize: 1 });
      const workers = async () => new Set(await p.map(tasks.badResultAt, [20, 21, 22, 23], { chunkSize: 1 }));
      await workers();
      const before = p.workerPids;
      // Make sure we don't lose pool processes because of encoding errors.
      for (let iteration = 0; iteration < 20; iteration++) {
        let heard;
        const result = p.applyAsync(tasks.badResultAt, [2], { errorCallback: (error) => { heard = error; } });
        await assert.rejects(result.get(), mp.SerializationError);
        assert.ok(heard instanceof mp.SerializationError);
        assert.match(heard.message, /badResultAt returned .*Function.*result cannot be sent/);
        assert.equal(heard.path, 'result');
      }
      assert.deepEqual(p.workerPids, before);
      p.close();
      await p.join();`,
    );
  });
});

describeConformance('_TestPoolWorkerLifetime', (testCase) => {
  test('_TestPoolWorkerLifetime.test_pool_worker_lifetime', async () => {
    await check(
      testCase,
      `const p = Pool(3, { maxTasksPerChild: 10 });
      const results = Array.from({ length: 100 }, (_, i) => p.applyAsync(tasks.double, [i]));
      await until(() => p.workerPids.length === 3);
      const original = p.workerPids;
      assert.equal(original.length, 3);
      for (const [j, result] of results.entries()) assert.equal(await result.get(), tasks.double(j));
      await until(() => p.workerPids.length === 3);
      const final = p.workerPids;
      assert.ok(!original.includes(undefined) && !final.includes(undefined));
      assert.notDeepEqual(original.sort(), final.sort());
      p.close();
      await p.join();`,
    );
  });

  test('_TestPoolWorkerLifetime.test_pool_worker_lifetime_early_close', async () => {
    await check(
      testCase,
      `const p = Pool(3, { maxTasksPerChild: 1 });
      const results = Array.from({ length: 6 }, (_, i) => p.applyAsync(tasks.slowly, [i, 300]));
      p.close();
      await p.join();
      for (const [j, result] of results.entries()) {
        assert.ok(result.ready());
        assert.equal(await result.get(), j);
      }`,
    );
  });

  test('_TestPoolWorkerLifetime.test_pool_maxtasksperchild_invalid', async () => {
    await check(
      testCase,
      `for (const value of [0, -1, 0.5]) assert.throws(() => Pool(3, { maxTasksPerChild: value }), RangeError);
      assert.throws(() => Pool(3, { maxTasksPerChild: '12' }), TypeError);`,
    );
  });

  test('_TestPoolWorkerLifetime.test_worker_finalization_via_atexit_handler_of_multiprocessing', async () => {
    await check(
      testCase,
      `class A {
        pool = Pool(1);
      }
      globalThis.problem = new A();
      await globalThis.problem.pool.map(Math.abs, Array.from({ length: 10 }, (_, i) => -i));`,
    );
  });
});
