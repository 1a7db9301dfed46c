// What queues take of shared memory, and that they give it back: the blocks of the file say it. And what bounds those of the
// fallback.
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

    when(testCase.method === 'spawn')(
      'of queues that are made and dropped, is looked for without being asked',
      async () => {
        // More than there are places for: nobody calls gc().
        await check(
          testCase,
          `${MEMORY}
        for (const i of range(100_000)) {
          new Queue().putNowait(i);
          if (i % 500 === 0) await turn();
        }
        assert.ok(sharedKiB() < 2 ** 19, String(sharedKiB()));`,
        );
      },
    );

    when(testCase.method === 'spawn')('that is all taken is said to be so', async () => {
      await check(
        testCase,
        `const kept = [];
        const error = (() => { try { for (;;) kept.push(new Queue()); } catch (thrown) { return thrown; } })();
        assert.equal(error.code, 'ENOSPC');
        assert.match(error.message, /all places for such objects are taken .*while the event loop turns/);
        assert.ok(kept.length > 60_000);
        kept[0].putNowait('as before');
        assert.equal(kept[0].getSync(), 'as before');`,
      );
    });

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
        // Collected often, or the pages of as many arrays are new as garbage collection lets there be.
        async function repeat(way) {
          for (const i of range(100)) {
            await way();
            if (i % 4 === 0) globalThis.gc();
          }
        }
        for (const [name, way] of Object.entries(ways)) {
          await repeat(way);
          const before = process.resourceUsage().minorPageFault;
          await repeat(way);
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
        `const MIB = 2 ** 20, bytes = new Uint8Array(MIB).fill(7), floats = new Float64Array(MIB / 8).fill(7);
        const longItems = {
          bytes: [bytes, (item) => item],
          floats: [floats, (item) => item],
          inside: [{ first: 1, data: bytes }, (item) => item.data],
          withAnother: [{ floats, other: new Queue() }, (item) => item.floats],
        };
        const arrays = async (act) => {
          const before = process.memoryUsage().arrayBuffers;
          const kept = await act();
          const more = (process.memoryUsage().arrayBuffers - before) / MIB;
          return [kept, more];
        };
        for (const [name, [sent, within]] of Object.entries(longItems)) {
          const queue = new Queue();
          const copies = async (act) => {
            const [items, more] = await arrays(act);
            const isGood = (array) => array.byteLength === MIB && array.at(0) === 7 && array.at(-1) === 7;
            assert.ok(items.map(within).every(isGood), name);
            return items.length ? more / items.length : more;
          };
          // Once, for what lasts.
          await queue.putMany([sent]);
          await queue.get();
          const put = [() => queue.putMany([sent, sent, sent, sent]), () => queue.put(sent), async () => queue.putSync(sent)];
          for (const puts of put) {
            const each = await copies(async () => (await puts(), []));
            assert.ok(each < 0.5, name + ' put ' + String(each));
          }
          const ways = [
            async () => [await queue.get()],
            async () => [queue.getSync()],
            () => queue.getMany(2),
            async () => queue.getManySync(2),
          ];
          for (const got of ways) {
            const each = await copies(got);
            assert.ok(each < 1.5, name + ' got ' + String(each));
          }
          // Those that were waited for.
          assert.equal(queue.qsize(), 0);
          for (const waits of [async () => [await queue.get()], () => queue.getMany(2)]) {
            const each = await copies(async () => {
              const waiting = waits();
              await turn();
              await queue.put(sent);
              return waiting;
            });
            // What is carried has to stay in its message until it is open here.
            const most = name === 'withAnother' ? 2.5 : 1.5;
            assert.ok(each < most, name + ' waited for ' + String(each));
          }
          // Behind short ones, and in a buffer that has room for it.
          const text = 'x'.repeat(MIB - 1);
          await queue.put(text);
          assert.equal(await queue.get(), text);
          await queue.putMany(['short', sent, 'short']);
          const [[first, long, last], more] = await arrays(() => queue.getMany(9));
          assert.deepEqual([first, last, within(long).byteLength], ['short', 'short', MIB]);
          assert.ok(more < 1.5, name + ' behind a short one ' + String(more));
          await queue.put(sent);
          const [item, again] = await arrays(() => queue.get());
          assert.equal(within(item).byteLength, MIB);
          assert.ok(again < 1.5, name + ' once more ' + String(again));
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

    test('is given back by a process that blocks', async () => {
      await check(
        testCase,
        `${MEMORY}
        const queue = new Queue(), go = new Queue();
        const before = sharedKiB();
        const p = await start(w.putLengthsAndBlock, queue, go, 40, 1_000_000);
        await settle(() => queue.qsize() === 40);
        // Also what was still in the queue when it gave back for the first time.
        for (const left of [20_000, 0]) {
          for (const i of range(20)) assert.equal((await queue.get()).length, 1_000_000);
          await settle(() => sharedKiB() - before < left + 5_000);
        }
        go.putNowait('end');
        assert.equal(await p.join(), 0);`,
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

// ---- on the fallback

const HEAP_MIB = 64;
const LITTLE_HEAP = { nodeArgs: ['--expose-gc', `--max-old-space-size=${String(HEAP_MIB)}`] };

/** What bounds a queue without bounds there: the memory of the process that keeps all messages. */
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
        const [line, p] = await startWithLine(w.failToPut, queue, mib.length);
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
