// What scopes and guards do at their end: they release what they have, and hide nobody's error.
import { test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeEach, when } from '../support/start-methods.js';

/** Somebody dies with the lock of `cond` while `wait(signal)` waits; answers how the wait ended. */
const LOSE = `
  const lose = async (cond, wait) => {
    const over = new AbortController();
    let begun;
    const begins = new Promise((resolve) => (begun = resolve));
    const waiting = wait(() => { begun(); return { signal: over.signal }; });
    waiting.catch(() => {});
    await begins;
    const [line, p] = await startWithLine(t.acquireAndStay, cond.lock);
    await line.recv();
    over.abort(new Error('enough'));
    p.kill();
    await p.join();
    return waiting;
  };
  const lost = { code: 'ERR_MP_LOCK_ABANDONED' };`;

describeEach('A lock that was lost in a wait', (testCase) => {
  test('its scopes and guards tell so', async () => {
    await check(
      testCase,
      `${LOSE}
      for (const Kind of [Lock, RLock]) {
        const make = () => new Condition(new Kind());
        let cond = make();
        await assert.rejects(lose(cond, (begun) => cond.withLock(() => cond.wait(begun()))), lost);
        cond = make();
        let guard;
        await assert.rejects(lose(cond, async (begun) => {
          guard = await cond.hold();
          await cond.wait({ ...begun(), holder: guard });
        }), lost);
        assert.equal(guard.released, true);
        guard.release();
        assert.equal(cond.lock.locked(), false);
      }
      const cond = new Condition();
      let outer;
      await assert.rejects(lose(cond, (begun) => cond.withLock(async () => {
        outer = await cond.hold();
        await cond.withLock(() => cond.wait(begun()));
      })), lost);
      assert.equal(outer.released, true);
      await cond.withLock(() => assert.equal(cond.lock.count(), 1), { takeAbandoned: true });
      await cond.withLock(() => assert.equal(cond.lock.count(), 1));`,
    );
  });

  test('they do not release it when another process has taken it', async () => {
    await check(
      testCase,
      `${LOSE}
      for (const Kind of [Lock, RLock]) {
        const cond = new Condition(new Kind());
        let line, q;
        await assert.rejects(lose(cond, (begun) => cond.withLock(async () => {
          try {
            await cond.wait(begun());
          } finally {
            [line, q] = await startWithLine(t.takeAndStay, cond.lock);
            assert.equal(await line.recv(), 'taken');
          }
        })), lost);
        assert.equal(cond.lock.locked(), true);
        await line.send('go');
        assert.equal(await line.recv(), 'released');
        await q.join();
      }`,
    );
  });

  test('nor when another task has', async () => {
    await check(
      testCase,
      `${LOSE}
      for (const Kind of [Lock, RLock]) {
        const cond = new Condition(new Kind());
        let guard;
        await assert.rejects(lose(cond, (begun) => cond.withLock(async () => {
          try {
            await cond.wait(begun());
          } finally {
            guard = await cond.hold({ takeAbandoned: true, holder: {} });
          }
        })), lost);
        assert.equal(cond.lock.locked(), true);
        // Waits without it, as the other one did, and gets it back.
        assert.equal(await cond.wait({ timeout: 0, holder: guard }), false);
        assert.equal(guard.released, false);
        guard.release();
        assert.equal(cond.lock.locked(), false);
      }`,
    );
  });

  when(testCase.backend === 'native')('the blocking forms tell so, too', async () => {
    await check(
      testCase,
      `for (const Kind of [Lock, RLock]) {
        const cond = new Condition(new Kind());
        const go = new Semaphore(0);
        const p = await start(t.notifyAndDie, cond, go);
        let guard;
        assert.throws(() => cond.withLockSync(() => {
          if (Kind === RLock) guard = cond.holdSync();
          go.release();
          cond.waitSync();
        }), { code: 'ERR_MP_LOCK_ABANDONED' });
        guard?.release();
        await p.join();
        assert.equal(cond.lock.locked(), false);
      }`,
    );
  });
});

describeEach('An error of the body', (testCase) => {
  test('comes through when the release fails', async () => {
    await check(
      testCase,
      `const own = { message: 'own' };
      for (const lock of [new Lock(), new RLock(), new Condition()]) {
        await assert.rejects(lock.withLock(async () => { lock.release(); throw new Error('own'); }), own);
        await assert.rejects(lock.withLock(() => { lock.release(); throw new Error('own'); }), own);
        // Without an error of its own, the release's is the first.
        const wrong = (error) => ['ERR_MP_OUT_OF_RANGE', 'ERR_MP_NOT_OWNER'].includes(error.code);
        await assert.rejects(lock.withLock(() => lock.release()), wrong);
        if (!native) continue;
        assert.throws(() => lock.withLockSync(() => { lock.release(); throw new Error('own'); }), own);
        assert.throws(() => lock.withLockSync(() => lock.release()), wrong);
      }
      const semaphore = new BoundedSemaphore(1);
      await assert.rejects(semaphore.withLock(() => { semaphore.release(); throw new Error('own'); }), own);
      await assert.rejects(semaphore.withLock(() => semaphore.release()), { code: 'ERR_MP_OUT_OF_RANGE' });
      if (native) {
        assert.throws(() => semaphore.withLockSync(() => { semaphore.release(); throw new Error('own'); }), own);
        assert.throws(() => semaphore.withLockSync(() => semaphore.release()), { code: 'ERR_MP_OUT_OF_RANGE' });
      }`,
    );
  });
});
