// Locks among processes and among the tasks of one, under every start method and on both backends.
import { test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('Lock', (testCase) => {
  test('keeps processes out of each other', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const file = require('node:path').join(__dirname, 'count');
      fs.writeFileSync(file, '0');
      await everywhere(3, t.countInFile, lock, file, 20);
      assert.equal(fs.readFileSync(file, 'utf8'), '60');`,
    );
  });

  when(testCase.backend === 'native')('keeps blocked processes out of each other', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const file = require('node:path').join(__dirname, 'count');
      fs.writeFileSync(file, '0');
      await everywhere(3, t.countInFileSync, lock, file, 50);
      assert.equal(fs.readFileSync(file, 'utf8'), '150');
      assert.equal(lock.acquireSync(), true);
      assert.equal(lock.acquireSync({ timeout: 0 }), false);
      assert.equal(lock.acquireSync({ block: false, timeout: 60_000 }), false);
      const before = performance.now();
      assert.equal(lock.acquireSync({ timeout: 50 }), false);
      assert.ok(performance.now() - before >= 49);
      lock.release();
      const guard = lock.holdSync();
      assert.equal(lock.locked(), true);
      guard.release();
      guard.release();
      assert.equal(lock.locked(), false);
      assert.throws(() => lock.withLockSync(async () => {}), TypeError);
      assert.equal(lock.locked(), false);`,
    );
  });

  when(testCase.backend === 'fallback')('has no blocking form on the fallback', async () => {
    await check(
      testCase,
      `const notSupported = { code: 'ERR_MP_NOT_SUPPORTED' };
      assert.throws(() => new Lock().acquireSync(), notSupported);
      assert.throws(() => new RLock().acquireSync({ timeout: 0 }), notSupported);
      assert.throws(() => new Semaphore().acquireSync(), notSupported);
      assert.throws(() => new Event().waitSync(), notSupported);
      assert.throws(() => new Barrier(1).waitSync(), notSupported);
      const condition = new Condition();
      await condition.withLock(() => {
        assert.throws(() => condition.waitSync(), /await wait\\(/);
        assert.throws(() => condition.waitForSync(() => true), notSupported);
        assert.throws(() => condition.waitForSync(() => assert.fail('it was asked')), /await waitFor/);
        assert.equal(condition.lock.count(), 1);
      });
      // Before it looks whether it might: nothing that the caller could do would help.
      assert.throws(() => condition.waitSync(), notSupported);
      assert.throws(() => condition.waitForSync(() => true), notSupported);`,
    );
  });

  test('is served first come, first served', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      await lock.acquire();
      const order = [];
      const waiting = ['a', 'b', 'c', 'd'].map(async (name) => {
        await lock.acquire();
        order.push(name);
        lock.release();
      });
      lock.release();
      await Promise.all(waiting);
      assert.deepEqual(order, ['a', 'b', 'c', 'd']);`,
    );
  });

  test('goes to a waiter in another process, and may be released by a third', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      await lock.acquire();
      const [line, p] = await startWithLine(t.acquireAndStay, lock);
      const q = await start(t.releaseOf, lock);
      assert.equal(await q.join(), 0);
      assert.equal(await line.recv(), 'acquired');
      const waiting = lock.acquire();
      await line.send('go on');
      assert.equal(await waiting, true);
      assert.equal(await p.join(), 0);`,
    );
  });

  test('a timeout or a signal ends the wait and leaves no trace', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const [line, p] = await startWithLine(t.acquireAndStay, lock);
      await line.recv();
      assert.equal(await lock.acquire({ timeout: 0 }), false);
      assert.equal(await lock.acquire({ timeout: 30 }), false);
      const controller = new AbortController();
      const aborted = lock.acquire({ signal: controller.signal });
      controller.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      await assert.rejects(lock.acquire({ signal: controller.signal }), { message: 'enough' });
      await line.send('go on');
      assert.equal(await p.join(), 0);
      assert.equal(lock.locked(), false);
      assert.equal(await lock.acquire({ timeout: 60_000 }), true);
      // Given up in the very turn in which it is given.
      for (let i = 0; i < 50; i++) {
        const late = new AbortController();
        const first = lock.acquire({ signal: late.signal });
        const second = lock.acquire();
        lock.release();
        late.abort(new Error('late'));
        const [one] = await Promise.allSettled([first]);
        if (one.status === 'fulfilled') lock.release();
        assert.equal(await second, true);
      }
      lock.release();
      assert.equal(lock.locked(), false);`,
    );
  });

  test('a pending acquire keeps the program, an idle lock does not', async () => {
    const stdout = await check(
      testCase,
      `const lock = new Lock();
      const [line] = await startWithLine(t.acquireAndStay, lock);
      await line.recv();
      setTimeout(() => void line.send('go on'), 100).unref();
      await lock.acquire();
      console.log('acquired');`,
    );
    if (stdout !== 'acquired\n') throw new Error(stdout);
  });

  test('what the options may be', async () => {
    await check(
      testCase,
      `for (const object of [new Lock(), new RLock(), new Semaphore()]) {
        for (const [options, error] of [
          [null, TypeError], [5, TypeError], [[], TypeError], [{ timeout: -1 }, RangeError], [{ timeout: NaN }, RangeError],
          [{ timeout: '5' }, TypeError], [{ signal: {} }, TypeError], [{ block: 1 }, TypeError], [{ block: null }, TypeError],
        ]) {
          await assert.rejects(object.acquire(options), error, inspect(options));
          await assert.rejects(object.hold(options), error);
          assert.throws(() => object.acquireSync({ ...options, signal: undefined, timeout: options?.timeout ?? -1 }), Error);
        }
        assert.equal(await object.acquire({ timeout: Infinity }), true);
        assert.equal(await object.acquire({ timeout: 0.5 }), false);
        object.release();
        await assert.rejects(object.withLock(5), TypeError);
        assert.throws(() => object.withLockSync(5), TypeError);
      }
      for (const options of [null, 5, { takeAbandoned: 1 }]) {
        assert.throws(() => new Lock(options), TypeError);
        assert.throws(() => new RLock(options), TypeError);
        await assert.rejects(new Lock().acquire(options), TypeError);
      }
      for (const holder of [null, 5, 'me', Symbol()]) {
        await assert.rejects(new RLock().acquire({ holder }), TypeError);
        assert.throws(() => new RLock().release({ holder }), TypeError);
      }
      const named = { name: 'DataCloneError', message: /this RLock travels only .* not to worker threads/ };
      assert.throws(() => new MessageChannel().port1.postMessage({ lock: new RLock() }), named);`,
    );
  });

  test('withLock and hold release in every case, and say when the time is over', async () => {
    await check(
      testCase,
      `for (const lock of [new Lock(), new RLock(), new Semaphore(), new BoundedSemaphore()]) {
        assert.equal(await lock.withLock(() => 5), 5);
        assert.equal(await lock.withLock(async () => { await turn(); assert.equal(lock.locked(), true); return 6; }), 6);
        await assert.rejects(lock.withLock(() => { throw new Error('body'); }), { message: 'body' });
        await assert.rejects(lock.withLock(async () => { throw new Error('body'); }), { message: 'body' });
        assert.equal(lock.locked(), false);
        const guard = await lock.hold();
        assert.equal(lock.locked(), true);
        const timeout = { code: 'ERR_MP_TIMEOUT' };
        await assert.rejects(lock.hold({ timeout: 0 }), timeout);
        await assert.rejects(lock.withLock(() => assert.fail(), { timeout: 10 }), timeout);
        await assert.rejects(lock.hold({ signal: AbortSignal.abort(new Error('no')) }), { message: 'no' });
        guard[Symbol.dispose]();
        assert.equal(guard.released, true);
        guard.release();
        assert.equal(lock.locked(), false);
      }`,
    );
  });

  test('travels in every way, and is one lock all the same', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const [line, p] = await startWithLine(t.look);
      const [line2, q] = await startWithLine(t.sendBack, { inside: [lock] });
      const { inside: [copy] } = await line2.recv();
      assert.ok(copy instanceof Lock);
      await copy.acquire();
      assert.equal(lock.locked(), true);
      lock.release();
      assert.equal(copy.locked(), false);
      line.close();
      assert.equal(await q.join(), 0);
      assert.equal(await p.join(), 0);
      const [here, there] = Pipe();
      const others = [new RLock(), new Semaphore(3), new BoundedSemaphore(3), new Condition(lock), new Event(), new Barrier(2)];
      await there.send(others);
      for (const [i, other] of (await here.recv()).entries()) {
        assert.equal(other.constructor, others[i].constructor);
        assert.equal(inspect(other), inspect(others[i]));
      }
      const pool = new Pool(2);
      const file = require('node:path').join(__dirname, 'count');
      fs.writeFileSync(file, '0');
      await pool.map(t.underLock, [1, 2, 3, 4].map(() => [lock, file]));
      assert.equal(fs.readFileSync(file, 'utf8'), '20');
      pool.close();
      await pool.join();`,
    );
  });

  when(testCase.method === 'fork')('is captured by the closures of forked processes', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const rlock = new RLock();
      await rlock.acquire();
      const p = new Process({ target: async () => {
        assert.equal(rlock.locked(), true);
        assert.throws(() => rlock.release(), { code: 'ERR_MP_NOT_OWNER' });
        assert.equal(await rlock.acquire({ timeout: 0 }), false);
        await lock.acquire();
        lock.release();
        lock.acquireSync();
        process.exit(7);
      } });
      await p.start();
      assert.equal(await p.join(), 7);
      assert.equal(rlock.locked(), true);
      rlock.release();
      await assert.rejects(lock.acquire(), { code: 'ERR_MP_LOCK_ABANDONED', pid: p.pid });`,
    );
  });

  test('a holder that dies leaves it abandoned, and all who wait are told', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const rlock = new RLock();
      const [line, p] = await startWithLine(t.acquireAndStay, lock, rlock);
      await line.recv();
      const waiting = [lock.acquire(), lock.acquire(), rlock.acquire()];
      const taking = lock.acquire({ takeAbandoned: true });
      p.kill();
      for (const wait of waiting) {
        await assert.rejects(wait, (error) => {
          assert.ok(error instanceof mp.LockAbandonedError);
          assert.equal(error.code, 'ERR_MP_LOCK_ABANDONED');
          assert.equal(error.pid, p.pid);
          assert.equal(error.owner, p.pid);
          return true;
        });
      }
      assert.equal(await taking, true);
      assert.equal(lock.locked(), true);
      lock.release();
      assert.equal(inspect(lock), 'Lock { unlocked }');
      assert.equal(await lock.acquire(), true);
      lock.release();
      await assert.rejects(rlock.acquire({ timeout: 0 }), { code: 'ERR_MP_LOCK_ABANDONED' });
      assert.equal(rlock.locked(), false);
      assert.equal(inspect(rlock), 'RLock { abandoned by process ' + p.pid + ' }');
      assert.throws(() => rlock.release());
      assert.throws(() => lock.release(), RangeError);
      await p.join();
      assert.deepEqual(warnings, []);`,
    );
  });

  test('takeAbandoned takes it over with a warning, also where it was sent', async () => {
    await check(
      testCase,
      `for (const Kind of [Lock, RLock]) {
        const [here, there] = Pipe();
        await here.send(new Kind({ takeAbandoned: true }));
        const lock = await there.recv();
        const [line, p] = await startWithLine(t.acquireAndEnd, lock);
        await line.recv();
        assert.equal(await p.join(), 0);
        const refused = lock.acquire({ takeAbandoned: false });
        await assert.rejects(refused, { code: 'ERR_MP_LOCK_ABANDONED', pid: p.pid });
        warnings.length = 0;
        assert.equal(await lock.acquire(), true);
        await turn();
        assert.equal(warnings.length, 1);
        assert.equal(warnings[0].code, 'ERR_MP_LOCK_ABANDONED');
        assert.match(warnings[0].message, new RegExp(String(p.pid)));
        lock.release();
      }`,
    );
  });

  test('what is released at the very end is not abandoned', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const [line, p] = await startWithLine(t.acquireAndReleaseAtExit, lock);
      await line.recv();
      assert.equal(await lock.acquire(), true);
      assert.equal(await p.join(), 0);`,
    );
  });

  test('a grandchild that dies with it is noticed', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const [line, p] = await startWithLine(t.grandparent, lock);
      const said = [await line.recv(), await line.recv()];
      const pid = said.find((word) => typeof word === 'number');
      assert.ok(said.includes('acquired'));
      process.kill(pid, 'SIGKILL');
      await assert.rejects(lock.acquire(), { code: 'ERR_MP_LOCK_ABANDONED', pid });
      await p.join();`,
    );
  });

  test('a child that reads a message sees what was done before it was sent', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const [line, p] = await startWithLine(t.look, lock);
      for (let i = 0; i < 50; i++) {
        await lock.acquire();
        await line.send(['locked']);
        assert.equal(await line.recv(), true);
        lock.release();
        await line.send(['locked']);
        assert.equal(await line.recv(), false);
      }
      line.close();
      assert.equal(await p.join(), 0);`,
    );
  });
});
