// SimpleQueue, under every start method and on the backends that have queues.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('SimpleQueue', (testCase) => {
  test('is first in, first out, between processes', async () => {
    await check(
      testCase,
      `const queue = new SimpleQueue(), back = new SimpleQueue();
      const p = await start(w.getSome, queue, back, 3);
      for (const item of ['one', 2, null]) await queue.put(item);
      assert.deepEqual([await back.get(), await back.get(), await back.get()], ['one', 2, null]);
      assert.equal(await p.join(), 0);
      assert.equal(queue.empty(), true);
      await queue.put(undefined);
      assert.equal(queue.empty(), false);
      assert.equal(inspect(queue), 'SimpleQueue { size: 1 }');
      assert.equal(String(queue), '[object SimpleQueue]');
      await assert.rejects(queue.put(() => 1), { code: 'ERR_MP_SERIALIZATION', path: 'item' });
      assert.equal(await queue.get(), undefined);`,
    );
  });

  test('closes both ways', async () => {
    await check(
      testCase,
      `const queue = new SimpleQueue();
      await queue.put(1);
      queue.close();
      queue.close();
      assert.equal(queue.closed, true);
      await assert.rejects(queue.put(2), closed);
      await assert.rejects(queue.get(), closed);
      assert.throws(() => queue.empty(), closed);
      assert.throws(() => queue.putSync(2), closed);
      assert.throws(() => queue.getSync(), closed);
      assert.equal(inspect(queue), 'SimpleQueue { closed }');
      const other = new SimpleQueue();
      const waits = assert.rejects(other.get(), closed);
      other[Symbol.dispose]();
      await waits;
      const third = new Queue();
      await assert.rejects(third.put([queue]), { code: 'ERR_MP_SERIALIZATION' });
      assert.equal(third.qsize(), 0);`,
    );
  });

  test('ends for the others when all have closed it', async () => {
    await check(
      testCase,
      `const queue = new SimpleQueue();
      const [line, p] = await startWithLine(w.getUntilClosed, queue);
      await queue.put('one');
      assert.equal(await line.recv(), 'one');
      queue.close();
      // The child itself could put.
      await line.send('end');
      assert.equal(await line.recv(), 'ERR_MP_QUEUE_CLOSED');
      assert.equal(await p.join(), 0);`,
    );
  });

  when(testCase.backend === 'native')('blocks the thread when it is asked to', async () => {
    await check(
      testCase,
      `const queue = new SimpleQueue();
      queue.putSync('a');
      assert.equal(queue.getSync(), 'a');
      const p = await start(w.putAll, queue, 'b');
      assert.equal(queue.getSync(), 'b');
      assert.equal(await p.join(), 0);`,
    );
  });
});
