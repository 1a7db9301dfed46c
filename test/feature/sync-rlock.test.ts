// Who holds an RLock inside of one process: scopes, objects, the thread, and nobody in particular.
import { test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('RLock', (testCase) => {
  test('two tasks of one process do not share it', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      let inside = 0;
      const task = async () => {
        await lock.withLock(async () => {
          inside += 1;
          assert.equal(inside, 1);
          await turn();
          await lock.withLock(turn);
          assert.equal(inside, 1);
          inside -= 1;
        });
      };
      await Promise.all([task(), task(), task()]);
      await Promise.all([1, 2, 3].map(async () => {
        await lock.acquire();
        inside += 1;
        assert.equal(inside, 1);
        await turn();
        inside -= 1;
        lock.release();
      }));
      assert.equal(lock.locked(), false);`,
    );
  });

  test('inside of withLock everything is one holder, however deep', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      const deep = async (levels) => {
        assert.equal(lock.count(), levels);
        if (levels === 5) return;
        await turn();
        await lock.acquire();
        await deep(levels + 1);
        lock.release();
        assert.equal(lock.count(), levels);
      };
      await lock.withLock(async () => {
        await deep(1);
        const guard = await lock.hold();
        assert.equal(lock.count(), 2);
        guard.release();
      });
      assert.equal(lock.locked(), false);
      assert.equal(lock.count(), 0);
      const other = new RLock();
      await lock.withLock(async () => {
        await other.acquire();
        assert.equal(await other.acquire({ timeout: 0 }), false);
        other.release();
      });`,
    );
  });

  test('what outlives its scope is no holder of the next one', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      let late;
      const go = new Promise((resolve) => (late = resolve));
      let straggler;
      await lock.withLock(() => {
        straggler = go.then(() => lock.acquire({ timeout: 0 }));
        straggler.catch(() => {});
      });
      await lock.withLock(async () => {
        late();
        assert.equal(await straggler, false);
      });`,
    );
  });

  test('two tasks that outlive their scope do not share the lock', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      let late;
      const ended = new Promise((resolve) => (late = resolve));
      let inside = 0;
      const task = async () => {
        await ended;
        await lock.acquire();
        inside += 1;
        assert.equal(inside, 1);
        await turn();
        inside -= 1;
        lock.release();
      };
      let tasks;
      await lock.withLock(() => { tasks = Promise.all([task(), task()]); });
      late();
      await tasks;
      assert.equal(lock.locked(), false);`,
    );
  });

  test('a named holder is whoever passes the object', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      const [mine, yours] = [{}, () => {}];
      await lock.acquire({ holder: mine });
      assert.equal(await lock.acquire({ holder: mine, timeout: 0 }), true);
      assert.equal(await lock.acquire({ holder: yours, timeout: 0 }), false);
      assert.throws(() => lock.release({ holder: yours }), mp.NotOwnerError);
      assert.throws(() => lock.release({ holder: yours }), mp.StateError);
      assert.throws(() => lock.release(), { code: 'ERR_MP_NOT_OWNER' });
      assert.equal(lock.count({ holder: mine }), 2);
      const waiting = lock.acquire({ holder: yours });
      lock.release({ holder: mine });
      lock.release({ holder: mine });
      assert.equal(await waiting, true);
      lock.release({ holder: yours });
      const guard = await lock.hold();
      assert.equal(await lock.acquire({ holder: guard, timeout: 0 }), true);
      lock.release({ holder: guard });
      guard.release();
      assert.equal(lock.locked(), false);
      await lock.withLock(() => assert.equal(lock.count({ holder: mine }), 1), { holder: mine });`,
    );
  });

  test('all that its holder has asked for meanwhile is given at once, before the others', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      const [mine, yours] = [{}, {}];
      await lock.acquire({ holder: yours });
      const first = lock.acquire({ holder: mine });
      let served = false;
      const between = lock.acquire({ holder: {} }).then(() => { served = true; });
      const more = [lock.acquire({ holder: mine }), lock.acquire({ holder: mine })];
      lock.release({ holder: yours });
      assert.deepEqual(await Promise.all([first, ...more]), [true, true, true]);
      assert.equal(lock.count({ holder: mine }), 3);
      assert.equal(served, false);
      for (let i = 0; i < 3; i++) lock.release({ holder: mine });
      await between;`,
    );
  });

  test('numbers of holders are used again, and never two at a time', async () => {
    await check(
      testCase,
      `const locks = [new RLock(), new RLock()];
      const [a, b] = [{}, {}];
      for (let i = 0; i < 1000; i++) await locks[0].withLock(() => {});
      await locks[0].acquire({ holder: a });
      await locks[1].acquire({ holder: a });
      locks[0].release({ holder: a });
      // a still holds the other lock, so its number is not b's.
      assert.equal(await locks[1].acquire({ holder: b, timeout: 0 }), false);
      locks[1].release({ holder: a });
      assert.equal(await locks[1].acquire({ holder: b, timeout: 0 }), true);
      assert.equal(await locks[1].acquire({ holder: a, timeout: 0 }), false);`,
    );
  });

  test('an acquire() that waits for another one of this process says so, once', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      await lock.acquire();
      assert.equal(await lock.acquire({ timeout: 10 }), false);
      await turn();
      assert.equal(warnings.length, 0);
      const waiting = [lock.acquire(), lock.acquire()];
      await turn();
      await turn();
      assert.equal(warnings.length, 1);
      assert.match(warnings[0].message, /withLock/);
      lock.release();
      await waiting[0];
      lock.release();
      await waiting[1];
      lock.release();
      assert.equal(lock.locked(), false);`,
    );
  });

  test('only its holder releases it', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      assert.throws(() => lock.release(), { code: 'ERR_MP_NOT_OWNER' });
      await lock.acquire();
      const p = new Process({ target: t.releaseOf, args: [lock], stderr: 'ignore' });
      await p.start();
      assert.equal(await p.join(), 1);
      assert.equal(lock.locked(), true);
      assert.equal(lock.count(), 1);
      lock.release();`,
    );
  });

  when(testCase.backend === 'native')('the blocking forms belong to the thread', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      assert.equal(lock.acquireSync(), true);
      assert.equal(lock.acquireSync({ timeout: 0 }), true);
      assert.equal(lock.count(), 2);
      assert.equal(await lock.acquire({ timeout: 0 }), false);
      lock.release();
      lock.release();
      assert.throws(() => lock.release(), { code: 'ERR_MP_NOT_OWNER' });
      lock.withLockSync(() => lock.withLockSync(() => assert.equal(lock.count(), 2)));
      const guard = lock.holdSync();
      assert.equal(lock.count(), 1);
      guard.release();
      await lock.withLock(() => {
        assert.equal(lock.acquireSync(), true);
        assert.equal(lock.count(), 2);
        lock.release();
      });
      await lock.acquire();
      assert.equal(lock.acquireSync({ timeout: 10 }), false);
      lock.release();
      assert.equal(lock.locked(), false);`,
    );
  });
});
