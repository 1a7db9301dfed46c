// CPython's tests of queues (Lib/test/_test_multiprocessing.py), the original id in every title. Their shared events are ours; where
// theirs sleep until a helper thread has sent something, ours need not: what was put is there.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeConformance } from '../support/start-methods.js';

/** The ways to put and to get, as CPython's tests go through them, and which of them waits how long. */
const TIMEOUTS = `
  const takes = async (wait, error, ms) => {
    const before = performance.now();
    await assert.rejects(async () => wait(), error);
    assert.ok(performance.now() - before >= ms);
  };
`;

describeConformance('_TestQueue', (testCase) => {
  test('_TestQueue.test_put', async () => {
    await check(
      testCase,
      `${TIMEOUTS}
      const queue = new Queue(6), start1 = new Event(), done = new Event();
      const p = await start(w.getSix, queue, start1, done);
      assert.deepEqual([queue.empty(), queue.full()], [true, false]);
      await queue.put(1);
      await queue.put(2, { block: true });
      await queue.put(3, { block: true, timeout: undefined });
      await queue.put(4, { block: false });
      await queue.put(5, { block: false, timeout: undefined });
      queue.putNowait(6);
      assert.deepEqual([queue.empty(), queue.full()], [false, true]);
      await takes(() => queue.put(7, { block: false }), full, 0);
      await takes(() => queue.put(7, { block: false, timeout: undefined }), full, 0);
      await takes(() => queue.putNowait(7), full, 0);
      await takes(() => queue.put(7, { block: true, timeout: 40 }), full, 39);
      await takes(() => queue.put(7, { block: false, timeout: 60_000 }), full, 0);
      await takes(() => queue.put(7, { timeout: 60 }), full, 59);
      start1.set();
      await done.wait();
      assert.deepEqual([queue.empty(), queue.full()], [true, false]);
      assert.equal(await p.join(), 0);
      queue.close();`,
    );
  });

  test('_TestQueue.test_get', async () => {
    await check(
      testCase,
      `${TIMEOUTS}
      const queue = new Queue(), start1 = new Event(), done = new Event();
      const p = await start(w.putFour, queue, start1, done);
      assert.equal(queue.empty(), true);
      start1.set();
      await done.wait();
      await until(() => !queue.empty());
      assert.equal(queue.empty(), false);
      assert.equal(await queue.get({ block: true, timeout: undefined }), 2);
      assert.equal(await queue.get({ block: true }), 3);
      assert.equal(await queue.get({ timeout: 60_000 }), 4);
      assert.equal(queue.getNowait(), 5);
      assert.equal(queue.empty(), true);
      await takes(() => queue.get({ block: false }), empty, 0);
      await takes(() => queue.get({ block: false, timeout: undefined }), empty, 0);
      await takes(() => queue.getNowait(), empty, 0);
      await takes(() => queue.get({ block: true, timeout: 40 }), empty, 39);
      await takes(() => queue.get({ block: false, timeout: 60_000 }), empty, 0);
      await takes(() => queue.get({ timeout: 60 }), empty, 59);
      assert.equal(await p.join(), 0);
      queue.close();`,
    );
  });

  test('_TestQueue.test_fork', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      for (const i of range(10)) await queue.put(i);
      const p = await start(w.putTenMore, queue);
      for (const i of range(20)) assert.equal(await queue.get(), i);
      assert.throws(() => queue.getNowait(), empty);
      assert.equal(await p.join(), 0);
      queue.close();`,
    );
  });

  test('_TestQueue.test_qsize', async () => {
    await check(
      testCase,
      `const q = new Queue();
      assert.equal(q.qsize(), 0);
      await q.put(1);
      assert.equal(q.qsize(), 1);
      await q.put(5);
      assert.equal(q.qsize(), 2);
      await q.get();
      assert.equal(q.qsize(), 1);
      await q.get();
      assert.equal(q.qsize(), 0);
      q.close();`,
    );
  });

  test('_TestQueue.test_task_done', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      const workers = [];
      for (const _ of range(4)) workers.push(await start(w.workUntilNull, queue));
      for (const i of range(10)) await queue.put(i);
      await queue.join();
      for (const _ of workers) await queue.put(null);
      for (const worker of workers) assert.equal(await worker.join(), 0);
      queue.close();`,
    );
  });

  test('_TestQueue.test_timeout', async () => {
    await check(
      testCase,
      `${TIMEOUTS}
      const q = new Queue();
      await takes(() => q.get({ block: true, timeout: 200 }), empty, 199);
      q.close();`,
    );
  });

  test('_TestQueue.test_queue_feeder_donot_stop_onexc (different: the put itself refuses the item, nothing is printed)', async () => {
    await check(
      testCase,
      `for (const refused of [() => 1, { get item() { throw new Error('cannot be read'); } }]) {
        const q = new Queue(1);
        await assert.rejects(q.put(refused), { name: 'SerializationError', path: /^item/ });
        assert.equal(q.qsize(), 0);
        await q.put(true);
        assert.equal(await q.get(), true);
        assert.deepEqual([q.empty(), q.qsize()], [true, 0]);
        q.close();
        await q.joinThread();
      }`,
    );
  });

  test('_TestQueue.test_queue_feeder_on_queue_feeder_error (different: there is no hook, since the error is the put’s)', async () => {
    await check(
      testCase,
      `const seen = [];
      class SafeQueue extends Queue {
        async put(item, options) {
          try {
            await super.put(item, options);
          } catch (error) {
            seen.push([error.name, item]);
          }
        }
      }
      const q = new SafeQueue();
      const refused = { value: Symbol('a symbol') };
      await q.put(refused);
      assert.deepEqual(seen, [['SerializationError', refused]]);
      await q.put(true);
      assert.equal(await q.get(), true);
      q.close();`,
    );
  });

  test('_TestQueue.test_closed_queue_empty_exceptions (different: a queue that was used can be asked after close too)', async () => {
    await check(
      testCase,
      `const unused = new Queue();
      unused.close();
      assert.equal(unused.empty(), true);
      const used = new Queue();
      await used.put('foo');
      used.close();
      await used.joinThread();
      assert.equal(used.empty(), false);
      assert.equal(await used.get(), 'foo');
      assert.equal(used.empty(), true);`,
    );
  });

  test('_TestQueue.test_closed_queue_put_get_exceptions', async () => {
    await check(
      testCase,
      `for (const q of [new Queue(), new JoinableQueue()]) {
        q.close();
        await assert.rejects(q.put('foo'), { ...closed, message: /closed/ });
        await assert.rejects(q.get(), { ...closed, message: /closed/ });
      }`,
    );
  });
});

describeConformance('TestSimpleQueue', (testCase) => {
  test('TestSimpleQueue.test_empty_exceptions', async () => {
    await check(
      testCase,
      `const unused = new SimpleQueue();
      unused.close();
      assert.throws(() => unused.empty(), { ...closed, message: /closed/ });`,
    );
  });

  test('TestSimpleQueue.test_empty', async () => {
    await check(
      testCase,
      `const queue = new SimpleQueue(), start1 = new Event(), goOn = new Event();
      const p = await start(w.putTwo, queue, start1, goOn);
      assert.equal(queue.empty(), true);
      start1.set();
      await goOn.wait();
      await until(() => !queue.empty());
      assert.equal(queue.empty(), false);
      assert.equal(await queue.get(), true);
      assert.equal(await queue.get(), false);
      assert.equal(queue.empty(), true);
      assert.equal(await p.join(), 0);`,
    );
  });

  test('TestSimpleQueue.test_close', async () => {
    await check(
      testCase,
      `const queue = new SimpleQueue();
      queue.close();
      queue.close();
      assert.equal(queue.closed, true);`,
    );
  });

  test('TestSimpleQueue.test_closed (adapted: neither putting nor getting works, as there are no pipe ends to look at)', async () => {
    await check(
      testCase,
      `const queue = new SimpleQueue();
      queue.close();
      await assert.rejects(queue.put(1), closed);
      await assert.rejects(queue.get(), closed);`,
    );
  });
});
