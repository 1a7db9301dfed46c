// JoinableQueue: what is done, and what becomes of what is not when its process dies.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('JoinableQueue', (testCase) => {
  test('join waits until every item is done', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      await queue.join();
      assert.throws(() => queue.taskDone(), { name: 'RangeError', code: 'ERR_MP_OUT_OF_RANGE' });
      const workers = [];
      for (const _ of range(2)) workers.push(await start(w.work, queue));
      await queue.putMany(range(10));
      await queue.join();
      assert.equal(queue.qsize(), 0);
      assert.throws(() => queue.taskDone(), RangeError);
      queue.close();
      for (const worker of workers) assert.equal(await worker.join(), 0);`,
    );
  });

  test('join waits no longer than it is told', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      await queue.put(1);
      const timeout = { name: 'TimeoutError', code: 'ERR_MP_TIMEOUT' };
      await assert.rejects(queue.join({ timeout: 0 }), timeout);
      const before = performance.now();
      await assert.rejects(queue.join({ timeout: 50 }), timeout);
      assert.ok(performance.now() - before >= 49);
      const controller = new AbortController();
      const aborted = queue.join({ signal: controller.signal });
      controller.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      await queue.get();
      await assert.rejects(queue.join({ timeout: 0 }), timeout);
      const joined = queue.join();
      queue.taskDone();
      await joined;
      await queue.join({ timeout: 0 });`,
    );
  });

  when(testCase.backend === 'native')('joinSync blocks the thread', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      queue.joinSync();
      queue.putSync(20);
      assert.throws(() => queue.joinSync({ timeout: 10 }), { code: 'ERR_MP_TIMEOUT' });
      const worker = await start(w.work, queue);
      queue.joinSync();
      queue.close();
      assert.equal(await worker.join(), 0);`,
    );
  });

  test('join waits in another process as well', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      await queue.put(1);
      const [line, p] = await startWithLine(w.waitInJoin, queue);
      assert.equal(await line.recv(), 'waiting');
      await queue.get();
      queue.taskDone();
      assert.equal(await line.recv(), 'joined');
      assert.equal(await p.join(), 0);`,
    );
  });

  test('what a killed consumer was not done with comes back to its place', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue(3);
      await queue.putMany(['one', 'two', 'three']);
      const [line, p] = await startWithLine(w.getAndStay, queue, 2);
      assert.deepEqual([await line.recv(), await line.recv()], ['one', 'two']);
      await queue.put('four');
      await queue.put('five');
      const joined = queue.join();
      await killed(p);
      for (const item of ['one', 'two', 'three', 'four', 'five']) {
        assert.equal(await queue.get(), item);
        queue.taskDone();
      }
      await joined;
      assert.throws(() => queue.taskDone(), RangeError);`,
    );
  });

  test('what it was done with does not, and several at a time do', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      await queue.putMany(range(4));
      const [line, p] = await startWithLine(w.doneWithFirst, queue);
      assert.deepEqual(await line.recv(), [0, 1, 2]);
      await killed(p);
      assert.deepEqual([await queue.get(), await queue.get(), await queue.get()], [1, 2, 3]);
      for (const _ of range(3)) queue.taskDone();
      await queue.join();`,
    );
  });

  test('an orderly end without taskDone counts the same', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      await queue.put('again');
      const [line, p] = await startWithLine(w.getAndEnd, queue);
      assert.equal(await line.recv(), 'again');
      assert.equal(await p.join(), 0);
      assert.equal(await queue.get(), 'again');
      queue.taskDone();
      await queue.join();
      // It was delivered again.
      assert.equal(queue.abandoned, 0);`,
    );
  });

  test("with 'count' what others have said to be done is not abandoned", async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue({ onConsumerDied: 'count' });
      await queue.put('one');
      const [line, p] = await startWithLine(w.getAndStay, queue, 1);
      assert.equal(await line.recv(), 'one');
      queue.taskDone();
      await queue.join();
      await killed(p);
      // Whoever recovers what it had has done so when another has died behind it.
      const [again, q] = await startWithLine(w.getAndEnd, queue);
      await queue.put('two');
      assert.equal(await again.recv(), 'two');
      assert.equal(await q.join(), 0);
      await queue.join();
      assert.equal(queue.abandoned, 1);`,
    );
  });

  test("with 'count' what it was not done with counts as done", async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue({ onConsumerDied: 'count' });
      await queue.putMany(['one', 'two', 'three']);
      const [line, p] = await startWithLine(w.getAndStay, queue, 2);
      assert.deepEqual([await line.recv(), await line.recv()], ['one', 'two']);
      assert.equal(await queue.get(), 'three');
      queue.taskDone();
      assert.equal(queue.abandoned, 0);
      const joined = queue.join().then(() => queue.abandoned);
      await killed(p);
      // Who has waited for all sees that it was told of two by nobody.
      assert.equal(await joined, 2);
      assert.equal(queue.qsize(), 0);
      assert.throws(() => queue.taskDone(), RangeError);
      // One more, and another process knows of all of them.
      await queue.put('four');
      const [again, q] = await startWithLine(w.getAndEnd, queue);
      assert.equal(await again.recv(), 'four');
      assert.equal(await q.join(), 0);
      await queue.join();
      assert.equal(queue.abandoned, 3);
      const [other, r] = await startWithLine(w.tellAbandoned, queue);
      assert.equal(await other.recv(), 3);
      assert.equal(await r.join(), 0);`,
    );
  });

  test('what comes back of long arrays in an item is all of it', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      const item = { floats: new Float64Array(20_000).fill(1.5), list: [Buffer.alloc(100_000, 7), 'text'] };
      for (const gets of [() => queue.get(), () => queue.getNowait(), async () => (await queue.getMany(1))[0]]) {
        for (const isWaitedFor of [false, true]) {
          const others = new Float64Array(9_000).fill(2.5);
          if (!isWaitedFor) await queue.putMany([item, others]);
          const [line, p] = await startWithLine(w.getAndStay, queue, 2);
          if (isWaitedFor) await queue.putMany([item, others]);
          assert.deepEqual([await line.recv(), await line.recv()], [item, others]);
          await killed(p);
          for (const expected of [item, others]) {
            assert.deepEqual(await gets(), expected);
            queue.taskDone();
          }
          await queue.join();
        }
      }`,
    );
  });

  test('what comes back carries what it carried', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      const lock = new Lock(), inner = new Queue();
      await queue.put({ lock, inner });
      inner.close();
      const [line, p] = await startWithLine(w.countAndStay, queue);
      assert.equal(await line.recv(), 2);
      await assert.rejects(inner.get({ timeout: 20 }), empty);
      await killed(p);
      const arrived = await queue.get();
      await arrived.lock.acquire();
      assert.equal(lock.locked(), true);
      await assert.rejects(inner.get({ timeout: 0 }), empty);
      queue.taskDone();
      // It was this process's own side that came back.
      assert.equal(arrived.inner.closed, true);
      await assert.rejects(inner.get(), closed);`,
    );
  });

  test('a connection that comes back is still open', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      const [here, there] = Pipe();
      await queue.put({ there });
      there.close();
      const [line, p] = await startWithLine(w.countAndStay, queue);
      assert.equal(await line.recv(), 1);
      await killed(p);
      const arrived = await queue.get();
      await arrived.there.send('still open');
      assert.equal(await here.recv(), 'still open');
      queue.taskDone();
      arrived.there.close();
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });`,
    );
  });

  test('is at its end only when nothing can come back', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      await queue.putMany(['theirs', 'mine']);
      const [line, p] = await startWithLine(w.closeAndGet, queue);
      assert.equal(await line.recv(), 'theirs');
      queue.close();
      assert.equal(await queue.get(), 'mine');
      await assert.rejects(queue.get({ timeout: 50 }), empty);
      const waiting = queue.get();
      await killed(p);
      assert.equal(await waiting, 'theirs');
      // What this process has itself cannot come back to it.
      await assert.rejects(queue.get(), closed);`,
    );
  });

  test('is a Queue, and keeps its kind on its way', async () => {
    await check(
      testCase,
      `const outer = new Queue();
      await outer.put([new JoinableQueue(1), new Queue(1), new SimpleQueue()]);
      const [joinable, plain, simple] = await outer.get();
      assert.ok(joinable instanceof JoinableQueue && joinable instanceof Queue);
      assert.ok(plain instanceof Queue && !(plain instanceof JoinableQueue));
      assert.ok(simple instanceof SimpleQueue);
      await joinable.put(1);
      assert.deepEqual([inspect(joinable), inspect(plain), inspect(simple)],
        ['JoinableQueue { size: 1 of 1 }', 'Queue { size: 0 of 1 }', 'SimpleQueue { size: 0 }']);
      assert.equal(joinable.full(), true);
      await joinable.get();
      joinable.taskDone();
      await joinable.join();`,
    );
  });
});
