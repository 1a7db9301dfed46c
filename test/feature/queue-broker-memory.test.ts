// What bounds a queue without bounds on the fallback: the memory of the process that keeps all messages.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

const HEAP_MIB = 64;
const LITTLE_HEAP = { nodeArgs: ['--expose-gc', `--max-old-space-size=${String(HEAP_MIB)}`] };

const PRELUDE = `
  const noMemory = { name: 'SystemError', code: 'ENOSPC', syscall: 'Put' };
  const mib = Buffer.alloc(2 ** 20, 7);
  /** How many went in until there was no memory. */
  async function fill(queue, item, most) {
    let put = 0;
    await assert.rejects(async () => {
      for (; put < most; put += 1) queue.putNowait(item);
    }, noMemory);
    return put;
  }
`;

describeEach(
  'The memory of the broker',
  (testCase) => {
    test('is the bound of queues without one: a put says that there is none, and what is got makes room', async () => {
      await check(
        testCase,
        `${PRELUDE}
        const queue = new Queue(), bounded = new Queue(1);
        const put = await fill(queue, mib, 1000);
        assert.ok(put > 10, String(put));
        // All of them have it together.
        await assert.rejects(bounded.put(mib), noMemory);
        await assert.rejects(queue.put(mib), noMemory);
        await assert.rejects(queue.putMany([mib, mib]), { ...noMemory, put: 0 });
        const [line, p] = await startWithLine(w.failToPut, queue, mib);
        assert.equal(await line.recv(), 'ENOSPC');
        assert.equal(await p.join(), 0);
        assert.equal(queue.qsize(), put);
        await queue.get();
        await bounded.put(mib);
        await bounded.get();
        await assert.rejects(queue.putMany([mib, mib]), { ...noMemory, put: 1 });
        for (const _ of range(put)) assert.equal((await queue.get()).length, mib.length);
        assert.equal(await fill(queue, mib, 1000), put);`,
        LITTLE_HEAP,
      );
    });

    test('is not asked for what waits for its bound', async () => {
      await check(
        testCase,
        `${PRELUDE}
        const bounded = new Queue(1), queue = new Queue();
        await bounded.put(1);
        await fill(queue, mib, 1000);
        assert.throws(() => bounded.putNowait(mib), { name: 'QueueFullError' });
        await assert.rejects(bounded.put(mib, { timeout: 50 }), { name: 'QueueFullError' });
        const waiting = bounded.put(mib);
        await queue.get();
        await queue.get();
        assert.equal(await bounded.get(), 1);
        await waiting;
        assert.equal((await bounded.get()).length, mib.length);`,
        LITTLE_HEAP,
      );
    });

    test('holds as many short items as there can be without harm', async () => {
      await check(
        testCase,
        `${PRELUDE}
        const queue = new Queue();
        const put = await fill(queue, 1, 3_000_000);
        assert.ok(put > 10_000, String(put));
        assert.equal(queue.qsize(), put);
        assert.equal(await queue.get(), 1);`,
        LITTLE_HEAP,
      );
    });

    test('holds what is to be delivered again until it is done, and not what would count as done', async () => {
      await check(
        testCase,
        `${PRELUDE}
        for (const onConsumerDied of ['redeliver', 'count']) {
          const queue = new JoinableQueue({ onConsumerDied });
          const put = await fill(queue, mib, 1000);
          for (const _ of range(put)) await queue.get();
          if (onConsumerDied === 'redeliver') assert.throws(() => queue.putNowait(mib), noMemory);
          else queue.putNowait(mib);
          for (const _ of range(put)) queue.taskDone();
          await turn();
          queue.putNowait(mib);
          while (queue.qsize() > 0) {
            await queue.get();
            queue.taskDone();
          }
          assert.ok(await fill(queue, mib, 1000) >= put - 1);
          while (queue.qsize() > 0) {
            await queue.get();
            queue.taskDone();
          }
        }`,
        LITTLE_HEAP,
      );
    });
  },
  ({ backend }) => backend === 'fallback',
);
