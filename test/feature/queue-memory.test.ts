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

/** Of other C libraries nothing is known. */
const hasGlibc = 'glibcVersionRuntime' in (process.report.getReport() as { header: object }).header;

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

    when(testCase.method === 'spawn' && hasGlibc)(
      'of long items that come one after the other is used again, page by page',
      async () => {
        await check(
          testCase,
          `const queue = new Queue(), [one, other] = mp.Pipe(), sent = new Uint8Array(2 ** 20);
        const ways = {
          queue: () => (queue.putSync(sent), queue.getSync()),
          pipe: async () => (await other.send(sent), one.recvSync()),
        };
        for (const [name, way] of Object.entries(ways)) {
          for (const _ of range(100)) await way();
          const before = process.resourceUsage().minorPageFault;
          for (const _ of range(100)) await way();
          const faults = (process.resourceUsage().minorPageFault - before) / 100;
          // Of 256 pages each.
          assert.ok(faults < 32, name + ' ' + String(faults));
        }`,
        );
      },
    );

    when(testCase.method === 'spawn')('is not copied on the way of a long item', async () => {
      await check(
        testCase,
        `const queue = new Queue(), sent = new Uint8Array(2 ** 20).fill(7);
        const arrays = async (act) => {
          const before = process.memoryUsage().arrayBuffers;
          const kept = await act();
          assert.ok(kept.every((bytes) => bytes.length === 2 ** 20 && bytes[2 ** 20 - 1] === 7));
          return (process.memoryUsage().arrayBuffers - before) / 2 ** 20;
        };
        // Once, for what lasts.
        await queue.putMany([sent]);
        await queue.get();
        assert.ok((await arrays(async () => (await queue.putMany([sent, sent, sent, sent]), []))) < 1);
        for (const got of [() => queue.get(), async () => queue.getSync()]) {
          const each = await arrays(async () => [await got()]);
          assert.ok(each < 1.5, String(each));
        }
        await queue.get();
        await queue.get();
        // Those that were waited for.
        for (const waits of [async () => [await queue.get()], () => queue.getMany(2)]) {
          const each = await arrays(async () => {
            const waiting = waits();
            await turn();
            await queue.put(sent);
            return waiting;
          });
          assert.ok(each < 1.5, String(each));
        }`,
      );
    });

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
