// One of each shared object in one message, to be used by whoever gets it.
import path from 'node:path';
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

const targets = path.join(import.meta.dirname, '../fixtures/queues/everything.cjs');

const PRELUDE = `
  const e = require(${JSON.stringify(targets)});
  const make = () => ({
    rlock: new RLock(), semaphore: new Semaphore(0), bounded: new BoundedSemaphore(1), condition: new Condition(),
    event: new Event(), barrier: new Barrier(2), list: [new e.Point(3, 4)],
  });
  async function meet({ rlock, semaphore, bounded, condition, event, barrier }, answers) {
    event.set();
    await barrier.wait();
    assert.equal(await rlock.acquire({ timeout: 0 }), false);
    assert.equal(await bounded.acquire({ timeout: 0 }), false);
    await barrier.wait();
    await rlock.acquire();
    semaphore.release();
    await barrier.wait();
    // It has the condition until it waits.
    await condition.withLock(() => condition.notify());
    const [sum, mirrored] = await answers.get();
    assert.equal(sum, 7);
    assert.ok(mirrored instanceof e.Point);
    assert.deepEqual([mirrored.x, mirrored.y], [4, 3]);
  }
`;

describeEach('One of each shared object', (testCase) => {
  test('arrives in an item of a queue, and is the same there', async () => {
    await check(
      testCase,
      `${PRELUDE}
      const answers = new Queue();
      for (const queue of [new Queue(), new JoinableQueue(), new SimpleQueue()]) {
        const p = await start(e.use, queue, answers);
        const all = make();
        await queue.put(all);
        await meet(all, answers);
        assert.equal(await p.join(), 0);
      }`,
    );
  });

  test('arrives in an item that was put before its getter began, by whoever has no objects of its own', async () => {
    await check(
      testCase,
      `${PRELUDE}
      const answers = new Queue(), first = new Queue(), second = new Queue();
      await first.put(make());
      // They are what has arrived.
      const arrived = await first.get();
      await second.put(arrived);
      const p = await start(e.use, second, answers);
      await meet(arrived, answers);
      assert.equal(await p.join(), 0);`,
    );
  });

  test('arrives over a pipe, and is the same there', async () => {
    await check(
      testCase,
      `${PRELUDE}
      const answers = new Queue(), [here, there] = Pipe();
      const p = await start(e.use, there, answers);
      there.close();
      const all = make();
      await here.send(all);
      await meet(all, answers);
      assert.equal(await p.join(), 0);
      here.close();`,
    );
  });
});
