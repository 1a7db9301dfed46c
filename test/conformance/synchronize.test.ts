// CPython's tests of locks, semaphores and events (Lib/test/_test_multiprocessing.py), the original id in every title. Their threads are
// further tasks of the same process here. A Semaphore that is only released takes the place of shared values, which come later.
import { expect, test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeConformance } from '../support/start-methods.js';

describeConformance('_TestLock', (testCase) => {
  test('_TestLock.test_repr_lock (adapted: inspect shows the number of the process that has it)', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      assert.equal(inspect(lock), 'Lock { unlocked }');
      await lock.acquire();
      assert.equal(inspect(lock), 'Lock { locked by process ' + process.pid + ' }');
      lock.release();
      assert.equal(inspect(lock), 'Lock { unlocked }');
      const [line, p] = await startWithLine(t.acquireAndStay, lock);
      await line.recv();
      assert.equal(inspect(lock), 'Lock { locked by process ' + p.pid + ' }');
      await line.send('go on');
      assert.equal(await p.join(), 0);
      assert.equal(inspect(lock), 'Lock { unlocked }');`,
    );
  });

  test('_TestLock.test_lock', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      assert.equal(await lock.acquire(), true);
      assert.equal(lock.locked(), true);
      assert.equal(await lock.acquire({ block: false }), false);
      assert.equal(lock.release(), undefined);
      assert.equal(lock.locked(), false);
      assert.throws(() => lock.release(), RangeError);`,
    );
  });

  test('_TestLock.test_lock_locked_2processes', async () => {
    await check(
      testCase,
      `const lock = new Lock();
      const [line, p] = await startWithLine(t.acquireAndStay, lock);
      assert.equal(await line.recv(), 'acquired');
      assert.equal(lock.locked(), true);
      await line.send('go on');
      assert.equal(await p.join(), 0);
      assert.equal(lock.locked(), false);`,
    );
  });

  test('_TestLock.test_repr_rlock (adapted: inspect shows the number of the process that has it)', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      assert.equal(inspect(lock), 'RLock { unlocked }');
      const here = 'RLock { locked by process ' + process.pid;
      await lock.withLock(async () => {
        assert.equal(inspect(lock), here + ', count 1 }');
        await lock.withLock(() => assert.equal(inspect(lock), here + ', count 2 }'));
      });
      // Of another task of this process.
      await lock.acquire({ holder: {} }).then(() => assert.equal(inspect(lock), here + ' }'));
      const other = new RLock();
      const [line, p] = await startWithLine(t.acquireAndStay, other);
      await line.recv();
      assert.equal(inspect(other), 'RLock { locked by process ' + p.pid + ' }');
      await line.send('go on');
      assert.equal(await p.join(), 0);
      assert.equal(inspect(other), 'RLock { unlocked }');`,
    );
  });

  test('_TestLock.test_rlock', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      const holder = {};
      assert.equal(await lock.acquire({ holder }), true);
      assert.equal(await lock.acquire({ holder }), true);
      assert.equal(await lock.acquire({ holder }), true);
      assert.equal(lock.locked(), true);
      assert.equal(lock.release({ holder }), undefined);
      assert.equal(lock.release({ holder }), undefined);
      assert.equal(lock.locked(), true);
      assert.equal(lock.release({ holder }), undefined);
      assert.equal(lock.locked(), false);
      assert.throws(() => lock.release({ holder }), { code: 'ERR_MP_NOT_OWNER' });`,
    );
  });

  test('_TestLock.test_rlock_locked_2processes', async () => {
    await check(
      testCase,
      `const lock = new RLock();
      const [line, p] = await startWithLine(t.acquireAndStay, lock);
      assert.equal(await line.recv(), 'acquired');
      assert.equal(lock.locked(), true);
      await line.send('go on');
      assert.equal(await p.join(), 0);
      assert.equal(lock.locked(), false);`,
    );
  });

  for (const kind of ['Lock', 'RLock']) {
    const id = kind === 'Lock' ? 'test_lock_context' : 'test_rlock_context';
    test(`_TestLock.${id} (adapted: a callback, or a guard for \`using\`)`, async () => {
      await check(
        testCase,
        `const lock = new ${kind}();
        assert.equal(await lock.withLock(() => lock.locked()), true);
        assert.equal(lock.locked(), false);
        const guard = await lock.hold();
        assert.equal(lock.locked(), true);
        guard[Symbol.dispose]();
        assert.equal(lock.locked(), false);`,
      );
    });
  }
});

describeConformance('_TestSemaphore', (testCase) => {
  const countDown = `
    assert.equal(sem.getValue(), 2);
    assert.equal(await sem.acquire(), true);
    assert.equal(sem.getValue(), 1);
    assert.equal(await sem.acquire(), true);
    assert.equal(sem.getValue(), 0);
    assert.equal(await sem.acquire({ block: false }), false);
    assert.equal(sem.getValue(), 0);
    assert.equal(sem.release(), undefined);
    assert.equal(sem.getValue(), 1);
    assert.equal(sem.release(), undefined);
    assert.equal(sem.getValue(), 2);`;

  test('_TestSemaphore.test_semaphore', async () => {
    await check(
      testCase,
      `const sem = new Semaphore(2);
      ${countDown}
      assert.equal(sem.release(), undefined);
      assert.equal(sem.getValue(), 3);
      assert.equal(sem.release(), undefined);
      assert.equal(sem.getValue(), 4);`,
    );
  });

  test('_TestSemaphore.test_bounded_semaphore', async () => {
    await check(
      testCase,
      `const sem = new BoundedSemaphore(2);
      ${countDown}
      assert.throws(() => sem.release(), RangeError);
      assert.equal(sem.getValue(), 2);`,
    );
  });

  test('_TestSemaphore.test_timeout', async () => {
    await check(
      testCase,
      `const sem = new Semaphore(0);
      const timed = async (options) => {
        const before = performance.now();
        return [await sem.acquire(options), performance.now() - before];
      };
      assert.equal((await timed({ block: false }))[0], false);
      assert.equal((await timed({ block: false, timeout: undefined }))[0], false);
      // The timeout does not count: it would take as long as this test may.
      assert.equal((await timed({ block: false, timeout: 60_000 }))[0], false);
      const [second, took2] = await timed({ block: true, timeout: 82 });
      assert.equal(second, false);
      assert.ok(took2 >= 81);
      const [third, took3] = await timed({ timeout: 140 });
      assert.equal(third, false);
      assert.ok(took3 >= 139);`,
    );
  });
});

describeConformance('_TestEvent', (testCase) => {
  test('_TestEvent.test_event', async () => {
    await check(
      testCase,
      `const event = new Event();
      const timed = async (timeout) => {
        const before = performance.now();
        return [await event.wait({ timeout }), performance.now() - before];
      };
      assert.equal(event.isSet(), false);
      assert.equal((await timed(0))[0], false);
      const [answer, took] = await timed(82);
      assert.equal(answer, false);
      assert.ok(took >= 81);
      event.set();
      assert.equal(event.isSet(), true);
      assert.equal(await event.wait(), true);
      assert.equal((await timed(60_000))[0], true);
      event.clear();
      assert.equal(event.isSet(), false);
      const p = await start(t.setLater, event);
      assert.equal(await event.wait(), true);
      assert.equal(await p.join(), 0);`,
    );
  });

  test('_TestEvent.test_repr', async () => {
    await check(
      testCase,
      `const event = new Event();
      assert.match(inspect(event), /^Event \\{ unset \\}$/);
      event.set();
      assert.match(inspect(event), /^Event \\{ set \\}$/);
      event.clear();
      assert.match(inspect(event), /^Event \\{ unset \\}$/);`,
    );
  });
});

describeConformance(
  'TestNamedResource',
  (testCase) => {
    test('TestNamedResource.test_global_named_resource_spawn', async () => {
      const { code, stderr } = await testCase.run(`
const { Process, Semaphore, setStartMethod } = require('node-multiprocessing');
setStartMethod('spawn', { force: true });
const resource = new Semaphore();
exports.submain = function submain() {};
if (require.main === module) {
  (async () => {
    const p = new Process({ target: exports.submain });
    await p.start();
    process.exitCode = await p.join();
  })();
}`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    });
  },
  ({ method }) => method === 'spawn',
);
