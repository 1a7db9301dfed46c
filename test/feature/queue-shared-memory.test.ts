// What only queues in shared memory have to get right: forks, batches, long messages, and calls from within calls.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach(
  'A queue in shared memory',
  (testCase) => {
    test('gives several at a time, however long each of them is', async () => {
      await check(
        testCase,
        `const queue = new Queue();
      const lengths = range(300).map((i) => (i % 50 === 7 ? 200_000 + i : i % 3 === 0 ? 5000 + i : i));
      const items = lengths.map((length, i) => Buffer.alloc(length, i));
      for (const _ of range(3)) {
        await queue.putMany(items);
        const got = [];
        while (got.length < items.length) got.push(...await queue.getMany(1000));
        assert.deepEqual(got, items);
      }
      const waiting = queue.getMany(1000);
      const p = await start(w.putAll, queue, ...items.slice(0, 20));
      const first = await waiting;
      assert.equal(await p.join(), 0);
      const rest = first.length < 20 ? await queue.getMany(1000) : [];
      assert.deepEqual([...first, ...rest], items.slice(0, 20));`,
      );
    });

    test('is used from within what rebuilds an item', async () => {
      await check(
        testCase,
        `class Nested { constructor(depth) { this.depth = depth; } }
      const queue = new Queue(), log = [];
      mp.registerReducer(Nested, ({ depth }) => ({ depth, text: 'x'.repeat(100) }), ({ depth, text }) => {
        assert.equal(text, 'x'.repeat(100));
        queue.putNowait('while ' + depth);
        log.push(queue.getNowait());
        return new Nested(depth);
      }, 'nested');
      await queue.put([new Nested(1), 'y'.repeat(50), new Nested(2)]);
      await queue.put('left');
      await queue.put('right');
      const [one, text, two] = await queue.get();
      assert.deepEqual([one.depth, text, two.depth], [1, 'y'.repeat(50), 2]);
      assert.deepEqual(log, ['left', 'right']);
      assert.deepEqual(await queue.getMany(5), ['while 1', 'while 2']);
      await queue.putMany([new Nested(3), 'between', new Nested(4), 'z'.repeat(50)]);
      const [three, between, four, last] = await queue.getMany(4);
      assert.deepEqual([three.depth, between, four.depth, last], [3, 'between', 4, 'z'.repeat(50)]);
      assert.deepEqual(await queue.getMany(5), []);`.replace(
          'assert.deepEqual(await queue.getMany(5), []);',
          'assert.equal(queue.qsize(), 0);',
        ),
      );
    });

    test('serves what was waited for first, also before what comes at once', async () => {
      await check(
        testCase,
        `const queue = new Queue(1), order = [];
      const waiting = queue.get().then((item) => order.push(['waited', item]));
      await queue.put(1);
      const late = queue.get().then((item) => order.push(['late', item]));
      await waiting;
      await queue.put(2);
      await late;
      assert.deepEqual(order, [['waited', 1], ['late', 2]]);
      await queue.put('there');
      const first = queue.put('first');
      assert.equal(queue.getNowait(), 'there');
      const second = queue.put('second');
      assert.equal(await queue.get(), 'first');
      assert.equal(await queue.get(), 'second');
      await Promise.all([first, second]);`,
      );
    });

    test('what was taken for a wait that is aborted while others are told is not lost', async () => {
      await check(
        testCase,
        `const queue = new Queue(), controller = new AbortController();
      class Trigger {}
      mp.registerReducer(Trigger, () => 0, () => { controller.abort(new Error('enough')); return new Trigger(); }, 'trigger');
      const waits = [queue.get(), ...range(600).map(() => queue.get({ signal: controller.signal }))];
      await queue.putMany([new Trigger(), ...range(600)]);
      const [first, ...rest] = await Promise.allSettled(waits);
      assert.ok(first.value instanceof Trigger);
      const got = rest.map(({ value }) => value);
      // All of them had been served, in the same turn.
      assert.deepEqual(got, range(600));`,
      );
    });

    test('ends for a wait when the last process that could put closes or dies', async () => {
      await check(
        testCase,
        // One after the other: a forked child has what there is when it begins.
        `const queue = new Queue();
      const [line, p] = await startWithLine(w.closeAndStay, queue);
      assert.equal(await line.recv(), 'closed');
      const end = assert.rejects(queue.get(), closed);
      queue.close();
      await end;
      const other = new Queue();
      const [staying, q] = await startWithLine(w.putAndStay, other);
      assert.equal(await staying.recv(), 'put');
      other.close();
      const otherEnd = assert.rejects(other.get(), closed);
      await killed(q);
      await otherEnd;
      await line.send('go on');
      assert.equal(await p.join(), 0);`,
      );
    });

    when(testCase.method === 'fork')(
      'does not end between a fork and the child’s first step',
      async () => {
        await check(
          testCase,
          `for (const i of range(10)) {
        const queue = new Queue();
        const child = new Process({ target: async () => { await queue.put(['from the child', i]); } });
        const started = child.start();
        await started;
        queue.close();
        assert.deepEqual(await queue.get(), ['from the child', i]);
        await assert.rejects(queue.get(), closed);
        assert.equal(await child.join(), 0);
      }`,
        );
      },
    );

    when(testCase.method === 'fork')(
      'ends when a child is killed before its first step',
      async () => {
        await check(
          testCase,
          `for (const _ of range(10)) {
        const queue = new Queue();
        const child = new Process({ target: () => { for (;;); } });
        await child.start();
        queue.close();
        process.kill(child.pid, 'SIGKILL');
        await assert.rejects(queue.get(), closed);
        assert.equal(await child.join(), -9);
      }`,
        );
      },
    );

    when(testCase.method === 'fork')(
      'is inherited with what waits for it left behind',
      async () => {
        await check(
          testCase,
          `const queue = new Queue(1), results = new Queue();
      await queue.put('there');
      const put = queue.put('the parent’s');
      const results2 = results.get();
      const child = new Process({ target: async () => {
        const first = await queue.get();
        await results.put([first, await queue.get()]);
      } });
      await child.start();
      await put;
      assert.deepEqual(await results2, ['there', 'the parent’s']);
      assert.equal(await child.join(), 0);
      assert.deepEqual([queue.qsize(), results.qsize()], [0, 0]);`,
        );
      },
    );

    test('where no descriptor is left to wait with, nothing is put or taken', async () => {
      await check(
        testCase,
        `const fs = require('node:fs');
        const queue = new JoinableQueue(1);
        queue.putNowait('there');
        const inner = new Queue();
        const taken = [];
        try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { assert.equal(error.code, 'EMFILE'); }
        const refused = { name: 'SystemError', code: 'EMFILE' };
        await assert.rejects(queue.put(inner), refused);
        await assert.rejects(queue.join(), refused);
        assert.equal(queue.getNowait(), 'there');
        await assert.rejects(queue.get(), refused);
        await assert.rejects(queue.getMany(2), refused);
        for (const fd of taken) fs.closeSync(fd);
        assert.equal(queue.qsize(), 0);
        const got = queue.get();
        await queue.put(inner);
        (await got).close();
        assert.equal(inner.closed, true);`,
      );
    });

    test('a put that was given up leaves no memory behind', async () => {
      await check(
        testCase,
        `const fs = require('node:fs');
        const shared = () => Number(/RssShmem:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
        const queue = new Queue(1), item = Buffer.alloc(2 ** 20);
        await queue.put(1);
        const before = shared();
        for (const _ of range(50)) {
          const controller = new AbortController();
          const puts = [queue.put(item, { timeout: 1 }), queue.put(item, { signal: controller.signal })];
          controller.abort(new Error('enough'));
          await Promise.all(puts.map((put) => assert.rejects(put)));
          assert.throws(() => queue.putSync(item, { timeout: 1 }), full);
        }
        assert.ok(shared() - before < 20, String(shared()));
        // What was used by many is given back when it is idle.
        const other = new Queue();
        await other.putMany(range(50).map(() => item));
        assert.ok(shared() - before > 40);
        for (const _ of range(50)) await other.get();
        await until(() => shared() - before < 10);`,
      );
    });

    test('works from a worker thread', async () => {
      await check(
        testCase,
        `const { Worker } = require('node:worker_threads');
      const queue = new Queue(), back = new Queue();
      const p = await start(w.getSome, queue, back, 2);
      const source = \`
        const { Queue } = require('node-multiprocessing');
        (async () => {
          const own = new Queue(2);
          own.putSync('in the thread');
          const waiting = [own.get(), own.get()];
          own.putSync('twice');
          require('node:worker_threads').parentPort.postMessage(await Promise.all(waiting));
        })();\`;
      const worker = new Worker(source, { eval: true });
      const [answer] = await require('node:events').once(worker, 'message');
      assert.deepEqual(answer, ['in the thread', 'twice']);
      await queue.putMany([1, 2]);
      assert.deepEqual([await back.get(), await back.get()], [1, 2]);
      assert.equal(await p.join(), 0);`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);
