// What queues take of shared memory, and that they give it back: the blocks of the file say it.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

const MEMORY = `
  const memfd = () => fs.readdirSync('/proc/self/fd').find((fd) => {
    try { return fs.readlinkSync('/proc/self/fd/' + fd).startsWith('/memfd:'); } catch { return false; }
  });
  const sharedKiB = () => fs.fstatSync(Number(memfd())).blocks / 2;
`;

describeEach(
  'The memory of queues',
  (testCase) => {
    // Started by no method: once.
    when(testCase.method === 'spawn')(
      'of thousands that were made and dropped is free',
      async () => {
        await check(
          testCase,
          `${MEMORY}
        async function makeAndDrop(times) {
          for (const i of range(times)) {
            const outer = i % 2 ? new Queue(i % 5) : new JoinableQueue(), inner = new Queue();
            inner.putNowait('inside');
            outer.putNowait([inner, i]);
            if (i % 250 !== 0) continue;
            globalThis.gc();
            await turn();
            await turn();
          }
        }
        // What is needed for as many at a time as garbage collection lets there be.
        await makeAndDrop(2000);
        const enough = sharedKiB() + 256;
        await makeAndDrop(8000);
        await settle(() => sharedKiB() <= enough);`,
        );
      },
    );

    test('is given back by a process that has only started those who used it', async () => {
      await check(
        testCase,
        `${MEMORY}
        const queue = new Queue(), done = new Queue();
        const before = sharedKiB();
        const p = await start(w.putLengths, queue, 40, 1_000_000);
        assert.equal(await p.join(), 0);
        assert.ok(sharedKiB() - before > 30_000, String(sharedKiB()));
        const q = await start(w.getLengths, queue, done, 40);
        assert.equal(await q.join(), 0);
        assert.ok(sharedKiB() - before < 5_000, String(sharedKiB()));`,
      );
    });

    test('is given back after a burst, got by another process or by nobody', async () => {
      await check(
        testCase,
        `${MEMORY}
        const done = new Queue();
        const before = sharedKiB();
        for (const got of [true, false]) {
          let queue = new Queue();
          for (const i of range(60)) await queue.put(Buffer.alloc(1_000_000, i));
          assert.ok(sharedKiB() - before > 50_000, String(sharedKiB()));
          if (got) {
            const p = await start(w.getLengths, queue, done, 60);
            assert.equal(await done.get(), 60_000_000);
            assert.equal(await p.join(), 0);
          }
          queue = undefined;
          await settle(() => sharedKiB() - before < 5_000);
        }`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);
