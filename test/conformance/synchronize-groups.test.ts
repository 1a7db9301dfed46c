// CPython's tests of conditions and barriers (Lib/test/_test_multiprocessing.py), the original id in every title. Their threads are
// further tasks of the same process here. A Semaphore that is only released takes the place of shared values, which come later.
import { test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeConformance } from '../support/start-methods.js';

describeConformance('_TestCondition', (testCase) => {
  /** Two of the original's processes and threads each: processes, and tasks of this process. */
  const sleepers = `
    const cond = new Condition();
    const sleeping = new Semaphore(0);
    const woken = new Semaphore(0);
    /** A task of this process: it needs a holder of its own. */
    const task = async (timeout) => {
      const holder = {};
      await cond.acquire({ holder });
      sleeping.release();
      await cond.wait({ timeout, holder });
      woken.release();
      cond.release({ holder });
    };
    const start2 = async (n, timeout) => {
      const running = [];
      for (let i = 0; i < n; i++) {
        running.push((await start(t.sleepOnCondition, cond, sleeping, woken, timeout)).join());
        running.push(task(timeout));
      }
      for (let i = 0; i < 2 * n; i++) await sleeping.acquire();
      return () => Promise.all(running);
    };
    /** The lock is free when the last one sleeps. */
    const notify = (n) => cond.withLock(() => (n === Infinity ? cond.notifyAll() : cond.notify(n)));`;

  test('_TestCondition.test_notify (adapted: threads are tasks)', async () => {
    await check(
      testCase,
      `${sleepers}
      const ended = await start2(1);
      await sleep(50);
      assert.equal(woken.getValue(), 0);
      await notify(1);
      await until(() => woken.getValue() === 1);
      await sleep(50);
      assert.equal(woken.getValue(), 1);
      await notify(1);
      await until(() => woken.getValue() === 2);
      await ended();`,
    );
  });

  test('_TestCondition.test_notify_all (adapted: threads are tasks)', async () => {
    await check(
      testCase,
      `${sleepers}
      const timedOut = await start2(3, 82);
      for (let i = 0; i < 6; i++) await woken.acquire();
      assert.equal(woken.getValue(), 0);
      await timedOut();
      const ended = await start2(3);
      await sleep(50);
      assert.equal(woken.getValue(), 0);
      await notify(Infinity);
      await until(() => woken.getValue() === 6);
      await ended();`,
    );
  });

  test('_TestCondition.test_notify_n (adapted: threads are tasks)', async () => {
    await check(
      testCase,
      `${sleepers}
      const ended = await start2(3);
      await sleep(50);
      assert.equal(woken.getValue(), 0);
      await notify(2);
      await until(() => woken.getValue() === 2);
      await sleep(50);
      assert.equal(woken.getValue(), 2);
      await notify(4);
      await until(() => woken.getValue() === 6);
      await notify(3);
      await ended();
      assert.equal(woken.getValue(), 6);`,
    );
  });

  test('_TestCondition.test_timeout', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      await cond.withLock(async () => {
        const before = performance.now();
        assert.equal(await cond.wait({ timeout: 82 }), false);
        assert.ok(performance.now() - before >= 81);
      });`,
    );
  });

  test('_TestCondition.test_waitfor', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      const state = new Semaphore(7);
      const p = await start(t.waitForFour, cond, state);
      await cond.withLock(async () => {
        assert.equal(await cond.waitFor(() => state.getValue() === 0), true);
      });
      for (let i = 0; i < 4; i++) {
        await sleep(10);
        await cond.withLock(() => {
          state.release();
          cond.notify();
        });
      }
      assert.equal(await p.join(), 0);`,
    );
  });

  test('_TestCondition.test_waitfor_timeout', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      const state = new Semaphore(0);
      const success = new Event();
      const sem = new Semaphore(0);
      const p = await start(t.waitForFourInVain, cond, state, success, sem);
      assert.equal(await sem.acquire(), true);
      // Only three times, so the fourth is never reached.
      for (let i = 0; i < 3; i++) {
        await sleep(10);
        await cond.withLock(() => {
          state.release();
          cond.notify();
        });
      }
      assert.equal(await p.join(), 0);
      assert.equal(success.isSet(), true);`,
    );
  });

  test('_TestCondition.test_wait_result (adapted: a handler of SIGINT aborts the wait by its signal)', async () => {
    await check(
      testCase,
      `const c = new Condition();
      const go = new Event();
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort(new Error('SIGINT')));
      await c.withLock(async () => {
        assert.equal(await c.wait({ timeout: 0 }), false);
        assert.equal(await c.wait({ timeout: 100 }), false);
        const p = await start(t.notifyThenInterrupt, c, process.pid, go);
        assert.equal(await c.wait({ timeout: 60_000 }), true);
        const waiting = c.wait({ timeout: 60_000, signal: interrupted.signal });
        go.set();
        await assert.rejects(waiting, { message: 'SIGINT' });
        assert.equal(await p.join(), 0);
      });`,
    );
  });
});

describeConformance('_TestBarrier', (testCase) => {
  const parties = `const N = 5;
    const barrier = new Barrier(N, { timeout: 30_000 });
    const list = () => new Semaphore(0);`;

  for (const [name, passes] of [
    ['test_barrier', 1],
    ['test_barrier_10', 10],
  ] as const) {
    test(`_TestBarrier.${name}`, async () => {
      await check(
        testCase,
        `${parties}
        await everywhere(N, t.multipass, barrier, [list(), list()], ${String(passes)});
        assert.equal(barrier.nWaiting, 0);
        assert.equal(barrier.broken, false);`,
      );
    });
  }

  test('_TestBarrier.test_wait_return', async () => {
    await check(
      testCase,
      `${parties}
      const [receiver, sender] = Pipe({ duplex: false });
      const lock = new Lock();
      await everywhere(N, t.waitReturn, barrier, sender, lock);
      const results = [];
      for (let i = 0; i < N; i++) results.push(await receiver.recv());
      assert.deepEqual(results.sort(), [0, 1, 2, 3, 4]);`,
    );
  });

  test('_TestBarrier.test_action (adapted: the action is an exported function)', async () => {
    await check(
      testCase,
      `${parties}
      const results = list();
      const withAction = new Barrier(N, { action: t.appendAction });
      await everywhere(N, t.actionOnce, barrier, results, withAction);
      assert.equal(results.getValue(), 1);`,
    );
  });

  test('_TestBarrier.test_abort', async () => {
    await check(
      testCase,
      `${parties}
      const [results1, results2] = [list(), list()];
      await everywhere(N, t.abort, barrier, results1, results2);
      assert.equal(results1.getValue(), 0);
      assert.equal(results2.getValue(), N - 1);
      assert.equal(barrier.broken, true);`,
    );
  });

  test('_TestBarrier.test_reset', async () => {
    await check(
      testCase,
      `${parties}
      const [results1, results2, results3] = [list(), list(), list()];
      await everywhere(N, t.reset, barrier, results1, results2, results3);
      assert.equal(results1.getValue(), 0);
      assert.equal(results2.getValue(), N - 1);
      assert.equal(results3.getValue(), N);`,
    );
  });

  test('_TestBarrier.test_abort_and_reset', async () => {
    await check(
      testCase,
      `${parties}
      const [results1, results2, results3] = [list(), list(), list()];
      await everywhere(N, t.abortAndReset, barrier, new Barrier(N), results1, results2, results3);
      assert.equal(results1.getValue(), 0);
      assert.equal(results2.getValue(), N - 1);
      assert.equal(results3.getValue(), N);`,
    );
  });

  test('_TestBarrier.test_timeout', async () => {
    await check(
      testCase,
      `${parties}
      const results = list();
      await everywhere(N, t.lateAtBarrier, barrier, results, undefined, 200);
      assert.equal(results.getValue(), barrier.parties);`,
    );
  });

  test('_TestBarrier.test_default_timeout', async () => {
    await check(
      testCase,
      `${parties}
      const impatient = new Barrier(N, { timeout: 200 });
      const results = list();
      await everywhere(N, t.lateAtBarrier, impatient, results, 30_000, undefined);
      assert.equal(results.getValue(), impatient.parties);`,
    );
  });

  test('_TestBarrier.test_single_thread', async () => {
    await check(
      testCase,
      `const b = new Barrier(1);
      assert.equal(await b.wait(), 0);
      assert.equal(await b.wait(), 0);`,
    );
  });

  test('_TestBarrier.test_thousand', async () => {
    await check(
      testCase,
      `${parties}
      const passes = 1000;
      const lock = new Lock();
      const [line, childLine] = Pipe({ duplex: false });
      const processes = [];
      for (let j = 0; j < N; j++) processes.push(await start(t.thousand, barrier, passes, childLine, lock));
      for (let i = 0; i < passes; i++) {
        for (let j = 0; j < N; j++) assert.equal(await line.recv(), i);
      }
      for (const p of processes) assert.equal(await p.join(), 0);`,
      { timeoutMs: 60_000 },
    );
  });
});
