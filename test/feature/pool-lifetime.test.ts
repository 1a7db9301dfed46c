import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach, when } from '../support/start-methods.js';

/** Of `await using`. */
const hasSyntax = Number(process.versions.node.split('.')[0]) >= 24;

describeEach('the life of a pool', (testCase) => {
  const report = program(testCase, 'lifetime');

  test('close() finishes what was accepted; join() comes after close() or terminate()', async () => {
    const { joinOpen, closed, joinTimeout, accepted } = await report();
    expect(joinOpen.error).toMatchObject({ kind: 'StateError' });
    expect(closed.error).toMatchObject({ kind: 'StateError' });
    expect(joinTimeout).toEqual({});
    expect(accepted).toEqual([1, 2, 3, 4, 5]);
  });

  test('terminate() cancels what is pending, and ends workers that do not listen', async () => {
    const { terminated, afterTerminate, stubborn, inCallback } = await report();
    const cancelled = { error: { kind: 'CancelledError', code: 'ERR_MP_CANCELLED' } };
    expect(terminated).toMatchObject([cancelled, cancelled]);
    expect(afterTerminate.error.message).toBe('the pool is terminated: it takes no more tasks');
    expect(stubborn).toBe('CancelledError');
    expect(inCallback).toBe('terminated');
  });

  test('the end of a scope closes it, or terminates it when work is left', async () => {
    const { using, afterUsing, leftEarly } = await report();
    expect(using).toEqual([2, 4]);
    expect(afterUsing).toEqual([0, 'the pool is closed: it takes no more tasks']);
    expect(leftEarly).toEqual(['mine', 'CancelledError']);
  });

  test('timeouts and signals drop what waits, and the results of what runs', async () => {
    const { queuedTimeout, aborted, abortedBefore, long, runningTimeout, goesOn, queuedNever } =
      await report();
    expect(queuedTimeout.error).toMatchObject({
      kind: 'TimeoutError',
      message: expect.stringMatching(/same.*20 ms/),
    });
    expect(aborted.error.message).toBe('enough');
    expect(abortedBefore.error.message).toBe('before');
    expect(long).toBe('long');
    expect(runningTimeout.error.kind).toBe('TimeoutError');
    expect(goesOn).toBe('on');
    // pid, long, the one that ran out of time, the last: the dropped ones never ran.
    expect(queuedNever).toBe(4);
  });

  test('a callback that throws is a warning, and the pool goes on', async () => {
    expect((await report()).called).toEqual([8, 'PoolCallbackWarning', 10]);
    expect((await report()).wrongCalls).toEqual([
      ['RangeError', 'PoolCallbackWarning'],
      ['RangeError', 'PoolCallbackWarning'],
      [6, 'PoolCallbackWarning'],
    ]);
  });

  test('workers leave Ctrl-C to their parent', async () => {
    expect((await report()).interrupted).toBe(true);
  });

  when(hasSyntax)(
    'await using joins a pool at the end of its block, and ends it where an error leaves',
    async () => {
      const result = await testCase.run(
        `const assert = require('node:assert/strict');
      const { Pool, ProcessPoolExecutor, CancelledError } = require('node-multiprocessing');
      const startMethod = process.env.MP_TEST_START_METHOD;
      const double = (n) => 2 * n;
      const never = () => new Promise((resolve) => setTimeout(resolve, 100_000));
      if (require.main === module) (async () => {
        let left;
        {
          await using pool = new Pool({ processes: 1, startMethod });
          await using executor = new ProcessPoolExecutor({ maxWorkers: 1, startMethod });
          left = pool;
          assert.deepEqual(await pool.map(double, [1, 2]), [2, 4]);
          assert.equal(await executor.submit(double, 3), 6);
        }
        assert.deepEqual([left.workerPids, left.stats.workers], [[], 0]);
        let pending;
        await assert.rejects(async () => {
          await using pool = new Pool({ processes: 1, startMethod });
          left = pool;
          pending = pool.apply(never);
          pending.catch(() => undefined);
          throw new RangeError('mine');
        }, RangeError);
        await assert.rejects(pending, CancelledError);
        assert.deepEqual(left.workerPids, []);
      })();`,
      );
      expect(result).toMatchObject({ code: 0, stderr: '' });
    },
  );
});

const head = `
  const { Pool } = require('node-multiprocessing');
  const tasks = require('path').join(process.cwd(), 'test/fixtures/pool/tasks.mjs');
  const make = (processes) => new Pool({ processes, startMethod: process.env.MP_TEST_START_METHOD });`;

describeEach('a program and its pool', (testCase) => {
  const run = (body: string) =>
    testCase.run(`${head}\nimport(tasks).then(async (tasks) => {${body}});`);

  test('an idle pool does not hold the program, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await run(`
      const pool = make(2);
      console.log(await pool.map(tasks.double, [1, 2]));`);
    expect([code, stdout, stderr]).toEqual([0, '[ 2, 4 ]\n', '']);
  });

  test('a pool that was never used does not hold the program', async () => {
    expect((await run('make(2);')).code).toBe(0);
  });

  test('a pool ends although the source of a map gives nothing any more', async () => {
    const { code, stdout } = await run(`
      async function* stuck() {
        yield 1;
        await new Promise(() => undefined);
      }
      // Nothing else keeps the loop alive where a promise never settles.
      const alive = setInterval(() => undefined, 1000);
      const how = async (end, options) => {
        const pool = make(1);
        const outcome = pool.map(tasks.double, stuck(), options).catch((error) => error.name);
        await end(pool, outcome);
        console.log(await outcome);
        await pool.join();
      };
      const abort = new AbortController();
      await how((pool) => pool.terminate());
      await how((pool) => pool[Symbol.asyncDispose]());
      await how((pool, outcome) => outcome.then(() => pool.close()), { timeout: 1 });
      await how((pool) => (pool.close(), abort.abort(new RangeError('enough'))), abort);
      clearInterval(alive);`);
    expect([code, stdout]).toEqual([
      0,
      'CancelledError\nCancelledError\nTimeoutError\nRangeError\n',
    ]);
  });

  test('pending work does hold it', async () => {
    const { code, stdout } = await run(`
      const pool = make(1);
      pool.applyAsync(tasks.slowly, [7, 200], { callback: (n) => console.log(n) });
      pool.applyAsync(tasks.exit, [4], { errorCallback: (e) => console.log(e.exitCode) });
      pool.applyAsync(tasks.slowly, [8, 100], { callback: (n) => console.log(n) });`);
    expect([code, stdout]).toEqual([0, '7\n4\n8\n']);
  });

  test('join() holds it until the workers have ended', async () => {
    const { code, stdout } = await run(`
      const pool = make(2);
      pool.applyAsync(tasks.double, [1]);
      pool.close();
      await pool.join();
      console.log(pool.stats.workers, pool.stats.completed);`);
    expect([code, stdout]).toEqual([0, '0 1\n']);
  });

  test('process.exit() in the middle of work leaves nothing behind', async () => {
    const { code } = await run(`
      const pool = make(2);
      pool.map(tasks.slowly, Array.from({ length: 50 }, (_, i) => i), { chunkSize: 1 });
      await pool.apply(tasks.double, [1]);
      process.exit(3);`);
    expect(code).toBe(3);
  });

  test('a SIGKILL of the parent takes the workers along', async () => {
    const { signal } = await run(`
      const pool = make(2);
      await pool.apply(tasks.double, [1]);
      pool.map(tasks.block, [20000, 20000], { chunkSize: 1 }).catch(() => {});
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);`);
    expect(signal).toBe('SIGKILL');
  });

  test('pools that are dropped end their workers, and the first one is told of', async () => {
    const { code, stdout, stderr } = await testCase.run(
      `${head}
      const alive = (pid) => { try { process.kill(pid, 0); return true; } catch { return false; } };
      import(tasks).then(async (tasks) => {
        const drop = async () => { const pool = make(1); return pool.apply(tasks.pid); };
        const dropIteration = async () => {
          const it = make(1).imap(tasks.pid, new Array(100).fill(0));
          const { value } = await it.next();
          return value;
        };
        const pids = [await drop(), await drop(), await dropIteration()];
        while (pids.some(alive)) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
        console.log('gone');
      });`,
      { nodeArgs: ['--expose-gc'] },
    );
    expect([code, stdout]).toEqual([0, 'gone\n']);
    expect(stderr.match(/ERR_MP_POOL_DROPPED/g)).toHaveLength(1);
  });

  when(testCase.method === 'fork')(
    'a forked child that drops the pool of its parent is not told of it, and ends no workers',
    async () => {
      const { code, stdout, stderr } = await testCase.run(
        `${head}
        const { Process } = require('node-multiprocessing');
        const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
        let pool = make(1);
        const drop = async () => {
          let isGone = false;
          const registry = new FinalizationRegistry(() => (isGone = true));
          registry.register(pool);
          pool = undefined;
          while (!isGone) { gc(); await turn(); }
          // The pool's own is told in the same turn, or in the next ones.
          for (let i = 0; i < 10; i++) await turn();
        };
        import(tasks).then(async (tasks) => {
          const pid = await pool.apply(tasks.pid);
          const child = new Process({ target: drop });
          await child.start();
          console.log(await child.join(), (await pool.apply(tasks.pid)) === pid);
          pool.close();
          await pool.join();
        });`,
        { nodeArgs: ['--expose-gc'] },
      );
      expect([code, stdout, stderr]).toEqual([0, '0 true\n', '']);
    },
  );
});

describeEach('the memory of a pool', (testCase) => {
  const report = program(testCase, 'dropped', { nodeArgs: ['--expose-gc'] });

  test('is given back, however it ended', async () => {
    const { stderr, ...results } = await report();
    // Of the one that was dropped, and of none that was ended.
    expect(stderr.match(/Warning: .*/g)).toEqual([
      expect.stringContaining('the pool was collected'),
    ]);
    expect(new Set(Object.values(results))).toEqual(new Set(['collected']));
    expect(Object.keys(results)).toHaveLength(7);
  });
});
