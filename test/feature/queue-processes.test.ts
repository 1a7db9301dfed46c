// Queues among several processes: order, closing, and who dies in between.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('A queue among processes', (testCase) => {
  test('keeps the order of each producer, with several producers and consumers', async () => {
    await check(
      testCase,
      `const queue = new Queue(8), results = new Queue();
      const children = [];
      for (const [i, name] of ['a', 'b', 'c'].entries()) {
        children.push(await start(i === 2 ? w.produceMany : w.produce, queue, name, 100));
      }
      for (const consumer of [w.consume, w.consumeMany]) children.push(await start(consumer, queue, results));
      queue.close();
      const lists = [await drain(queue), await results.get(), await results.get()];
      for (const child of children) assert.equal(await child.join(), 0);
      for (const list of lists) {
        for (const name of 'abc') {
          const numbers = list.filter(([from]) => from === name).map(([, number]) => number);
          assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
        }
      }
      const all = lists.flat().map(([name, number]) => name + String(number).padStart(3, '0')).sort();
      assert.deepEqual(all, [...'abc'].flatMap((name) => range(100).map((n) => name + String(n).padStart(3, '0'))));`,
    );
  });

  test('wakes those who wait in other processes, and this one', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const [one, p] = await startWithLine(w.waitInGet, queue);
      assert.equal(await one.recv(), 'waiting');
      await queue.put('for the child');
      assert.equal(await one.recv(), 'for the child');
      const waiting = queue.get();
      const q = await start(w.putAll, queue, 'for the parent');
      assert.equal(await waiting, 'for the parent');
      assert.equal(await q.join(), 0);
      await killed(p);`,
    );
  });

  test('has no join before drain: a process ends although nobody got what it put', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const big = Buffer.alloc(200_000, 7);
      const p = await start(w.putAll, queue, big, big, big, 'last');
      assert.equal(await p.join(), 0);
      assert.equal(queue.qsize(), 4);
      for (const _ of range(3)) assert.deepEqual(await queue.get(), big);
      assert.equal(await queue.get(), 'last');
      const q = await start(w.putAndEnd, queue, 20);
      assert.equal(await q.join(), 0);
      for (const i of range(20)) assert.equal(await queue.get(), i);`,
    );
  });

  test('ends when every process has closed its side and it is drained', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const [line, p] = await startWithLine(w.closeAndStay, queue);
      assert.equal(await line.recv(), 'closed');
      assert.equal(queue.closed, false);
      await queue.put('one');
      await queue.put('two');
      queue.close();
      queue.close();
      assert.equal(queue.closed, true);
      await assert.rejects(queue.put('three'), closed);
      assert.throws(() => queue.putNowait('three'), closed);
      assert.equal(await queue.get(), 'one');
      assert.deepEqual(await drain(queue), ['two']);
      await assert.rejects(queue.get(), closed);
      await assert.rejects(queue.getMany(3), closed);
      assert.throws(() => queue.getNowait(), closed);
      await line.send('go on');
      assert.equal(await p.join(), 0);
      const { ClosedError, ProcessError } = mp;
      await assert.rejects(queue.get(), (error) => error instanceof ClosedError && error instanceof ProcessError);`,
    );
  });

  test('does not end while somebody could put, and ends with the process that could', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const [line, p] = await startWithLine(w.putAndStay, queue, 'one');
      assert.equal(await line.recv(), 'put');
      queue.close();
      assert.equal(await queue.get(), 'one');
      await assert.rejects(queue.get({ timeout: 50 }), empty);
      const end = assert.rejects(queue.get(), closed);
      await killed(p);
      await end;
      // On its way to a process that would have it.
      const second = new Queue();
      const [here, there] = Pipe();
      await here.send([second, 'later']);
      second.close();
      const waiting = second.get();
      const q = await start(w.handOn, there);
      there.close();
      assert.equal(await waiting, 'later');
      here.close();
      assert.equal(await q.join(), 0);
      await assert.rejects(second.get(), closed);`,
    );
  });

  test('puts that wait when their process closes are refused', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      await queue.put('there');
      const waits = assert.rejects(queue.put('never'), closed);
      const many = assert.rejects(queue.putMany(['never', 'ever']), { ...closed, put: 0 });
      queue.close();
      await waits;
      await many;
      assert.deepEqual(await drain(queue), ['there']);
      await queue.joinThread();
      queue.cancelJoinThread();
      { const other = new Queue(); other[Symbol.dispose](); assert.equal(other.closed, true); }
      { const other = new Queue(); await other[Symbol.asyncDispose](); assert.equal(other.closed, true); }`,
    );
  });

  test('iteration takes only what it is asked for', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      await queue.putMany(range(5));
      for await (const item of queue) if (item === 2) break;
      assert.equal(queue.qsize(), 2);
      assert.deepEqual(await queue.getMany(5), [3, 4]);`,
    );
  });

  test('what a killed producer had put is there', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const [line, p] = await startWithLine(w.putAndStay, queue, 1, 'two', { three: 3 });
      assert.equal(await line.recv(), 'put');
      await killed(p);
      assert.deepEqual(await queue.getMany(5), [1, 'two', { three: 3 }]);
      await queue.put('the queue goes on');
      assert.equal(await queue.get(), 'the queue goes on');`,
    );
  });

  test('a killed waiter takes no item along', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      for (const _ of range(3)) {
        const [line, p] = await startWithLine(w.waitInGet, queue);
        assert.equal(await line.recv(), 'waiting');
        process.kill(p.pid, 'SIGKILL');
        await queue.put('not lost');
        assert.equal(await p.join(), -9);
        assert.equal(await queue.get(), 'not lost');
      }
      assert.equal(queue.qsize(), 0);`,
    );
  });

  test('what a killed consumer had got of a plain queue is gone with it, and no more', async () => {
    await check(
      testCase,
      `const queue = new Queue(2);
      await queue.putMany(['got', 'left']);
      const [line, p] = await startWithLine(w.getAndStay, queue);
      assert.equal(await line.recv(), 'got');
      await killed(p);
      await queue.put('there is room');
      assert.deepEqual(await queue.getMany(5), ['left', 'there is room']);`,
    );
  });

  when(testCase.method === 'fork')('is captured by a forked closure', async () => {
    await check(
      testCase,
      `const queue = new Queue(), back = new Queue();
      await queue.put('before the fork');
      const child = new Process({ target: async () => {
        queue.close();
        await back.put(await queue.get());
        await back.put(await drain(queue));
      } });
      await child.start();
      await queue.put('after the fork');
      queue.close();
      assert.equal(await back.get(), 'before the fork');
      assert.deepEqual(await back.get(), ['after the fork']);
      assert.equal(await child.join(), 0);`,
    );
  });

  when(testCase.method === 'fork')(
    'a wait is its own process’s, not its forked child’s',
    async () => {
      await check(
        testCase,
        `const queue = new Queue();
      const waiting = queue.get();
      const child = new Process({ target: async () => {
        await queue.put('from the child');
      } });
      await child.start();
      assert.equal(await waiting, 'from the child');
      assert.equal(await child.join(), 0);
      assert.equal(queue.qsize(), 0);`,
      );
    },
  );

  test('serves a grandchild', async () => {
    await check(
      testCase,
      `const queue = new Queue(), results = new Queue();
      const child = await start(w.parentOf, queue, results);
      await queue.put('down');
      assert.equal(await results.get(), 'down');
      assert.equal(await child.join(), 0);`,
    );
  });
});
