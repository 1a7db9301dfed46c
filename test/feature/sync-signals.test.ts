// Semaphores, conditions and events among processes, under every start method and on both backends.
import { test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('Semaphore', (testCase) => {
  test('lets so many in, across processes, and counts', async () => {
    await check(
      testCase,
      `const sem = new Semaphore(2);
      const [line, p] = await startWithLine(t.acquireAndStay, sem, sem);
      await line.recv();
      assert.equal(sem.getValue(), 0);
      assert.equal(await sem.acquire({ timeout: 0 }), false);
      const waiting = [sem.acquire(), sem.acquire()];
      await line.send('go on');
      assert.deepEqual(await Promise.all(waiting), [true, true]);
      assert.equal(await p.join(), 0);
      sem.release(5);
      assert.equal(sem.getValue(), 5);
      assert.equal(inspect(sem), 'Semaphore { value: 5 }');`,
    );
  });

  test('permits of the dead: lost of a Semaphore, back of a BoundedSemaphore', async () => {
    await check(
      testCase,
      `const [sem, bounded] = [new Semaphore(2), new BoundedSemaphore(2)];
      const [line, p] = await startWithLine(t.acquireAndStay, sem, bounded, bounded);
      await line.recv();
      assert.equal(sem.getValue(), 1);
      const waiting = [bounded.acquire(), bounded.acquire()];
      p.kill();
      assert.deepEqual(await Promise.all(waiting), [true, true]);
      await p.join();
      assert.equal(sem.getValue(), 1);
      bounded.release(2);
      assert.equal(bounded.getValue(), 2);
      assert.throws(() => bounded.release(), RangeError);`,
    );
  });

  test('of the dead return 1,024 permits; above that only the fallback knows whose they were', async () => {
    await check(
      testCase,
      `const [known, counted] = [new BoundedSemaphore(1024), new BoundedSemaphore(1025)];
      const [line, p] = await startWithLine(t.acquireAndStay, known, counted);
      await line.recv();
      assert.deepEqual([known.getValue(), counted.getValue()], [1023, 1024]);
      p.kill();
      await p.join();
      await until(() => known.getValue() === 1024);
      if (!native) await until(() => counted.getValue() === 1025);
      assert.equal(counted.getValue(), native ? 1024 : 1025);
      // As many as are missing can be released by anybody, and no more.
      if (native) counted.release();
      for (const all of [known, counted]) assert.throws(() => all.release(), RangeError);`,
    );
  });

  test('a waiter that dies is passed over', async () => {
    await check(
      testCase,
      `const sem = new Semaphore(0);
      const [line, p] = await startWithLine(t.begin, sem, 'acquire');
      assert.equal(await line.recv(), 'begun');
      p.kill();
      await p.join();
      const waiting = sem.acquire();
      sem.release();
      assert.equal(await waiting, true);
      assert.equal(sem.getValue(), 0);`,
    );
  });

  test('what the arguments may be', async () => {
    await check(
      testCase,
      `for (const Kind of [Semaphore, BoundedSemaphore]) {
        for (const value of [-1, 1.5, NaN, Infinity, 2 ** 31]) assert.throws(() => new Kind(value), RangeError, String(value));
        for (const value of [null, '1', {}, true]) assert.throws(() => new Kind(value), TypeError);
        assert.equal(new Kind(0).locked(), true);
        assert.equal(new Kind().getValue(), 1);
        assert.equal(new Kind(2 ** 31 - 1).getValue(), 2 ** 31 - 1);
        const sem = new Kind(1);
        for (const n of [0, -1, 1.5, NaN, 2 ** 31]) assert.throws(() => sem.release(n), RangeError);
        for (const n of [null, '1']) assert.throws(() => sem.release(n), TypeError);
        assert.throws(() => sem.release(2 ** 31 - 1), RangeError);
        assert.equal(sem.getValue(), 1);
      }`,
    );
  });
});

describeEach('Condition', (testCase) => {
  test('wakes by number, first come, first served', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      const order = [];
      const waiting = [1, 2, 3, 4].map((n) => cond.withLock(async () => {
        order.push(-n);
        assert.equal(await cond.wait(), true);
        order.push(n);
      }));
      while (order.length < 4) await turn();
      await cond.withLock(() => cond.notify());
      await waiting[0];
      await cond.withLock(() => cond.notify(2));
      await waiting[2];
      await cond.withLock(() => { cond.notifyAll(); cond.notify(100); });
      await Promise.all(waiting);
      assert.deepEqual(order, [-1, -2, -3, -4, 1, 2, 3, 4]);`,
    );
  });

  test('needs the lock, and gives up and takes back all its levels', async () => {
    await check(
      testCase,
      `const state = { code: 'ERR_MP_STATE' };
      for (const lock of [new Lock(), new RLock()]) {
        const cond = new Condition(lock);
        assert.equal(cond.lock, lock);
        await assert.rejects(cond.wait(), state);
        await assert.rejects(cond.waitFor(() => true), state);
        assert.throws(() => cond.notify(), state);
        assert.throws(() => cond.notifyAll(), state);
        await cond.withLock(async () => {
          assert.equal(await cond.wait({ timeout: 10 }), false);
          assert.equal(await cond.wait({ timeout: 0 }), false);
          assert.equal(lock.locked(), true);
        });
        assert.equal(lock.locked(), false);
      }
      const cond = new Condition();
      const holder = {};
      for (let i = 0; i < 3; i++) await cond.acquire({ holder });
      const waiting = cond.wait({ holder });
      await cond.withLock(() => cond.notify());
      assert.equal(await waiting, true);
      assert.equal(cond.lock.count({ holder }), 3);
      assert.throws(() => cond.notify(), state);
      for (let i = 0; i < 3; i++) cond.release({ holder });
      await cond.acquire();
      const anonymous = cond.wait();
      await cond.acquire();
      cond.notify();
      cond.release();
      assert.equal(await anonymous, true);
      assert.equal(cond.lock.count(), 1);
      cond.release();
      assert.equal(cond.lock.locked(), false);`,
    );
  });

  test('an abort comes after the lock', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      const abort = new AbortController();
      let other;
      await cond.withLock(async () => {
        const waiting = cond.wait({ signal: abort.signal });
        other = await cond.lock.hold({ holder: {} });
        abort.abort(new Error('enough'));
        let settled = false;
        waiting.catch(() => {}).finally(() => (settled = true));
        await sleep(20);
        assert.equal(settled, false);
        other.release();
        await assert.rejects(waiting, { message: 'enough' });
        assert.equal(cond.lock.count(), 1);
        await assert.rejects(cond.wait({ signal: abort.signal }), { message: 'enough' });
        assert.equal(cond.lock.count(), 1);
      });
      // What was aborted takes no notification away.
      const woken = cond.withLock(() => cond.wait());
      await turn();
      await cond.withLock(() => cond.notify());
      assert.equal(await woken, true);`,
    );
  });

  test('a waiter that dies is passed over, and a lock that died is told', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      const [line, p] = await startWithLine(t.waitOn, cond);
      await line.recv();
      const woken = cond.withLock(() => cond.wait());
      await cond.withLock(() => {});
      p.kill();
      await p.join();
      await cond.withLock(() => cond.notify());
      assert.equal(await woken, true);

      await cond.acquire();
      const waiting = cond.wait();
      const [line2, q] = await startWithLine(t.acquireAndStay, cond.lock);
      await line2.recv();
      q.kill();
      await q.join();
      await cond.acquire({ takeAbandoned: true, holder: cond });
      cond.notify(1, { holder: cond });
      cond.release({ holder: cond });
      assert.equal(await waiting, true);
      // Not before: of two processes that wait for a lock either may be first, and this one stays.
      const [line3, r] = await startWithLine(t.acquireAndStay, cond.lock);
      cond.release();
      await line3.recv();
      await assert.rejects(Promise.all([cond.acquire(), r.kill()]), { code: 'ERR_MP_LOCK_ABANDONED' });
      await r.join();`,
    );
  });

  test('a lock that is made to be taken from the dead is taken again from the dead', async () => {
    await check(
      testCase,
      `for (const Kind of [Lock, RLock]) {
        const condition = new Condition(new Kind({ takeAbandoned: true }));
        await condition.acquire();
        const [line, p] = await startWithLine(t.acquireAndStay, condition.lock);
        const over = new AbortController();
        const waiting = condition.wait({ signal: over.signal });
        await line.recv();
        over.abort(new Error('enough'));
        warnings.length = 0;
        p.kill();
        await assert.rejects(waiting, { message: 'enough' });
        await turn();
        assert.equal(warnings[0]?.code, 'ERR_MP_LOCK_ABANDONED');
        condition.notify();
        condition.release();
        assert.equal(await p.join(), -9);
        line.close();
      }`,
    );
  });

  test('the time and the signal of waitFor are for all of it', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      // Notified more often than it could wait anew: only a time for all of it ends this.
      let over = false;
      const times = [];
      cond.wait = (wait) => (times.push(wait.timeout), Condition.prototype.wait.call(cond, wait));
      const waiting = cond.withLock(() => cond.waitFor(() => false, { timeout: 300 })).finally(() => (over = true));
      while (!over) {
        await cond.withLock(() => cond.notify());
        await sleep(5);
      }
      assert.equal(await waiting, false);
      assert.ok(times.length > 1);
      times.reduce((before, time) => (assert.ok(time < before, times.join()), time));
      const abort = new AbortController();
      let asked = 0;
      const aborted = cond.withLock(() => cond.waitFor(() => { asked += 1; return false; }, { signal: abort.signal }));
      aborted.catch(() => {});
      await until(() => asked === 1);
      await cond.withLock(() => cond.notify());
      await until(() => asked === 2);
      await cond.withLock(() => {});
      abort.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      assert.equal(cond.lock.locked(), false);`,
    );
  });

  test('waitFor asks again after each notification, for so long', async () => {
    await check(
      testCase,
      `const cond = new Condition(new Lock());
      let asked = 0;
      const done = cond.withLock(() => cond.waitFor(async () => ++asked === 3));
      for (let i = 1; i < 3; i++) {
        await until(() => asked === i);
        await cond.withLock(() => cond.notifyAll());
      }
      assert.equal(await done, true);
      assert.equal(await cond.withLock(() => cond.waitFor(() => false, { timeout: 30 })), false);
      assert.equal(await cond.withLock(() => cond.waitFor(() => 0, { timeout: 0 })), false);
      await assert.rejects(cond.withLock(() => cond.waitFor(5)), TypeError);
      await assert.rejects(cond.withLock(() => cond.waitFor(() => { throw new Error('asked'); })), { message: 'asked' });
      assert.equal(cond.lock.locked(), false);
      for (const lock of [null, {}, 5, new Semaphore()]) assert.throws(() => new Condition(lock), TypeError);
      await cond.withLock(async () => {
        for (const n of [0, -1, NaN, 1.5]) assert.throws(() => cond.notify(n), RangeError);
        assert.throws(() => cond.notify('1'), TypeError);
        await assert.rejects(cond.wait({ timeout: -1 }), RangeError);
        await assert.rejects(cond.wait(null), TypeError);
      });`,
    );
  });

  test('travels with its lock, which is the same one on the other side', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      const [here, there] = Pipe();
      await here.send([lock, new Condition(lock)]);
      const [copy, cond] = await there.recv();
      assert.equal(cond.lock, copy);
      await copy.withLock(() => cond.notifyAll());`,
    );
  });

  when(testCase.backend === 'native')('the blocking forms', async () => {
    await check(
      testCase,
      `const cond = new Condition();
      cond.acquireSync();
      cond.acquireSync();
      assert.equal(cond.waitSync({ timeout: 10 }), false);
      assert.equal(cond.lock.count(), 2);
      const p = await start(t.waitForFour, cond, new Semaphore(0));
      assert.equal(cond.waitSync(), true);
      assert.equal(cond.lock.count(), 2);
      assert.equal(cond.waitForSync(() => false, { timeout: 10 }), false);
      assert.equal(cond.waitForSync(() => 1), true);
      cond.release();
      cond.release();
      assert.throws(() => cond.waitSync(), { code: 'ERR_MP_STATE' });
      p.kill();
      await p.join();`,
    );
  });
});

describeEach('Event', (testCase) => {
  test('wakes everybody, also when it is cleared at once', async () => {
    await check(
      testCase,
      `const event = new Event();
      const [line, p] = await startWithLine(t.begin, event, 'wait');
      assert.equal(await line.recv(), 'begun');
      const waiting = [event.wait(), event.wait({ timeout: 60_000 })];
      event.set();
      event.clear();
      assert.equal(event.isSet(), false);
      assert.deepEqual(await Promise.all(waiting), [true, true]);
      assert.equal(await line.recv(), true);
      assert.equal(await p.join(), 0);
      assert.equal(await event.wait({ timeout: 0 }), false);
      const abort = new AbortController();
      const aborted = event.wait({ signal: abort.signal });
      abort.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      await assert.rejects(event.wait({ timeout: -1 }), RangeError);
      await assert.rejects(event.wait(5), TypeError);
      event.set();
      const [line2, q] = await startWithLine(t.look, event);
      await line2.send(['isSet']);
      assert.equal(await line2.recv(), true);
      line2.close();
      assert.equal(await q.join(), 0);`,
    );
  });
});
