// The forms of queues that block the thread, between processes, and those that never wait, in each of them. Natively: what the fallback
// says to them is in queue.test.ts.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('Blocking on a queue', (testCase) => {
  if (testCase.backend === 'fallback') {
    test('is refused, whatever is in it', async () => {
      await check(
        testCase,
        `const queue = new JoinableQueue();
        await queue.put(1);
        for (const wait of [() => queue.getSync(), () => queue.getManySync(2), () => queue.joinSync(), () => queue.putSync(2)]) {
          assert.throws(wait, { code: 'ERR_MP_NOT_SUPPORTED' });
        }
        assert.equal(await queue.get(), 1);`,
      );
    });
    return;
  }

  test('gets and puts in turn, from process to process', async () => {
    await check(
      testCase,
      `const there = new Queue(1), back = new Queue(1);
      const p = await start(w.echoSync, there, back);
      for (const i of range(200)) {
        there.putSync(i);
        assert.equal(back.getSync(), i);
      }
      there.putSync(null);
      assert.equal(await p.join(), 0);`,
    );
  });

  test('what it was blocked for may be of any length', async () => {
    await check(
      testCase,
      `const there = new Queue(), back = new Queue();
      const p = await start(w.echoSync, there, back);
      const items = [0, 10, 65_000, 66_000, 2 ** 20 - 1, 2 ** 20, 3_000_000, 5].map((n) => Buffer.alloc(n, n % 251));
      for (const get of [() => back.getSync(), () => back.getManySync(10)[0]]) {
        for (const item of items) {
          there.putSync(item);
          assert.ok(item.equals(get()));
        }
      }
      there.putSync(null);
      assert.equal(await p.join(), 0);
      const queue = new Queue();
      const q = await start(w.putAll, queue, ...items);
      const got = [];
      while (got.length < items.length) got.push(...queue.getManySync(100));
      for (const [i, item] of items.entries()) assert.ok(item.equals(got[i]));
      assert.equal(await q.join(), 0);`,
    );
  });

  test('several block at one queue, and each item is got once', async () => {
    await check(
      testCase,
      `const queue = new Queue(3), results = new Queue();
      const children = [];
      for (const _ of range(3)) children.push(await start(w.consumeSync, queue, results));
      children.push(await start(w.produceSync, queue, 'a', 60), await start(w.produceSync, queue, 'b', 60));
      queue.close();
      const lists = range(3).map(() => results.getSync());
      for (const child of children) assert.equal(await child.join(), 0);
      for (const list of lists) {
        for (const name of 'ab') {
          const numbers = list.filter(([from]) => from === name).map(([, number]) => number);
          assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
        }
      }
      const all = lists.flat().map(([name, number]) => name + String(number).padStart(2, '0')).sort();
      assert.deepEqual(all, [...'ab'].flatMap((name) => range(60).map((n) => name + String(n).padStart(2, '0'))));`,
    );
  });

  test('blocks no longer than it is told', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue({ maxSize: 2, maxBytes: 100 });
      const takes = (wait, error, ms) => {
        const before = performance.now();
        assert.throws(wait, error);
        assert.ok(performance.now() - before >= ms - 1);
      };
      takes(() => queue.getSync({ timeout: 30 }), empty, 30);
      takes(() => queue.getManySync(3, { timeout: 30 }), empty, 30);
      takes(() => queue.getSync({ timeout: 60_000, block: false }), empty, 0);
      queue.putSync(Buffer.alloc(80));
      takes(() => queue.putSync(Buffer.alloc(80), { timeout: 30 }), full, 30);
      takes(() => queue.joinSync({ timeout: 30 }), { code: 'ERR_MP_TIMEOUT' }, 30);
      assert.throws(() => queue.putSync(Buffer.alloc(101)), { name: 'RangeError', message: /100/ });
      queue.putSync(1);
      takes(() => queue.putSync(2, { timeout: 30 }), full, 30);
      assert.equal(queue.getManySync(10).length, 2);
      queue.taskDone();
      queue.taskDone();
      queue.joinSync();
      queue.close();
      takes(() => queue.putSync(1, { timeout: 30 }), closed, 0);
      takes(() => queue.getSync(), closed, 0);
      takes(() => queue.getManySync(3), closed, 0);`,
    );
  });

  test('is woken by the end of the queue, and by what a dead process gives back', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      const [line, p] = await startWithLine(w.closeAndGet, queue);
      queue.putSync('comes back');
      assert.equal(await line.recv(), 'comes back');
      queue.close();
      const q = await start(w.killLater, p.pid);
      assert.equal(queue.getSync(), 'comes back');
      assert.throws(() => queue.getSync(), closed);
      queue.taskDone();
      queue.joinSync();
      assert.equal(await p.join(), -9);
      assert.equal(await q.join(), 0);`,
    );
  });

  test('joinSync waits for others', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue();
      const worker = await start(w.work, queue);
      for (const _ of range(5)) queue.putSync(5);
      queue.joinSync();
      assert.equal(queue.qsize(), 0);
      queue.close();
      assert.equal(await worker.join(), 0);`,
    );
  });

  test('every process puts and gets at once', async () => {
    await check(
      testCase,
      `const queue = new Queue(2);
      const [line, p] = await startWithLine(w.atOnce, queue);
      assert.deepEqual(await line.recv(), ['ERR_MP_QUEUE_EMPTY', 1, 2, 'ERR_MP_QUEUE_FULL', 1]);
      assert.equal(queue.getNowait(), 2);
      assert.throws(() => queue.getNowait(), empty);
      assert.equal(await p.join(), 0);`,
    );
  });
});
