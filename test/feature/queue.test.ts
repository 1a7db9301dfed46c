// Queues within one process and between two, under every start method and on the backends that have them.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('Queue', (testCase) => {
  test('is first in, first out, and says how full it is', async () => {
    await check(
      testCase,
      `const queue = new Queue(2);
      assert.deepEqual([queue.qsize(), queue.empty(), queue.full()], [0, true, false]);
      assert.equal(await queue.put('a'), undefined);
      assert.deepEqual([queue.qsize(), queue.empty(), queue.full()], [1, false, false]);
      await queue.put('b');
      assert.deepEqual([queue.qsize(), queue.empty(), queue.full()], [2, false, true]);
      assert.equal(inspect(queue), 'Queue { size: 2 of 2 }');
      assert.equal(await queue.get(), 'a');
      assert.equal(await queue.get(), 'b');
      assert.deepEqual([queue.qsize(), queue.empty(), queue.full()], [0, true, false]);
      queue.close();
      assert.equal(inspect(queue), 'Queue { size: 0 of 2, closed }');
      assert.equal(inspect(new Queue()), 'Queue { size: 0 }');
      assert.equal(String(new JoinableQueue()), '[object JoinableQueue]');`,
    );
  });

  test('waits no longer than it is told', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      await assert.rejects(queue.get({ timeout: 0 }), empty);
      await assert.rejects(queue.get({ block: false, timeout: 60_000 }), empty);
      const before = performance.now();
      await assert.rejects(queue.get({ timeout: 50 }), empty);
      assert.ok(performance.now() - before >= 49);
      assert.throws(() => queue.getNowait(), empty);
      await queue.put(1);
      await assert.rejects(queue.put(2, { timeout: 0 }), full);
      await assert.rejects(queue.put(2, { block: false }), { ...full, message: /it holds 1 items/ });
      const later = performance.now();
      await assert.rejects(queue.put(2, { timeout: 50 }), full);
      assert.ok(performance.now() - later >= 49);
      assert.throws(() => queue.putNowait(2), full);
      assert.equal(queue.getNowait(), 1);
      queue.putNowait(3);
      assert.equal(await queue.get({ timeout: Infinity }), 3);
      assert.equal(queue.qsize(), 0);`,
    );
  });

  test('a put that waits goes on when there is room, in the order of the puts', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      const puts = range(5).map((i) => queue.put(i));
      for (const i of range(5)) assert.equal(await queue.get(), i);
      await Promise.all(puts);
      const gets = range(5).map(() => queue.get());
      for (const i of range(5)) await queue.put(i);
      assert.deepEqual(await Promise.all(gets), range(5));`,
    );
  });

  test('a get that was aborted leaves no trace', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const [line, p] = await startWithLine(w.echo, queue);
      const controller = new AbortController();
      const aborted = queue.get({ signal: controller.signal });
      const next = queue.get();
      controller.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      await assert.rejects(queue.get({ signal: controller.signal }), { message: 'enough' });
      await queue.put(['for', 'the next']);
      await queue.put('for either');
      const mine = await next;
      const theirs = await line.recv();
      assert.deepEqual([mine, theirs].map(String).sort(), ['for either', 'for,the next']);
      assert.equal(await p.join(), 0);
      assert.equal(queue.qsize(), 0);`,
    );
  });

  test('whichever of the item and the abort is first, nothing is lost', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const got = [];
      for (const i of range(100)) {
        const controller = new AbortController();
        const first = queue.get({ signal: controller.signal }).then((item) => got.push(item), () => {});
        const put = queue.put(i);
        if (i % 2 === 0) await null;
        controller.abort();
        await Promise.all([first, put]);
        if (queue.qsize() > 0) got.push(await queue.get({ timeout: 0 }));
      }
      assert.deepEqual(got, range(100));`,
    );
  });

  test('a put that was aborted while the queue was full has put nothing', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      await queue.put('there');
      const controller = new AbortController();
      const aborted = queue.put('never', { signal: controller.signal });
      const next = queue.put('next');
      controller.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      assert.equal(await queue.get(), 'there');
      await next;
      assert.equal(await queue.get(), 'next');
      assert.equal(queue.qsize(), 0);`,
    );
  });

  test('a put that waits in another process goes on or is given up with it', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      await queue.put('there');
      const [line, p] = await startWithLine(w.waitInPut, queue, 'waited');
      assert.equal(await line.recv(), 'waiting');
      assert.equal(await queue.get(), 'there');
      assert.equal(await line.recv(), 'put');
      assert.equal(await p.join(), 0);
      const [other, dies] = await startWithLine(w.waitInPut, queue, 'never');
      assert.equal(await other.recv(), 'waiting');
      await killed(dies);
      assert.equal(await queue.get(), 'waited');
      await assert.rejects(queue.get({ timeout: 50 }), empty);`,
    );
  });

  test('putMany puts in order, waits for room, and says how far it came', async () => {
    await check(
      testCase,
      `const queue = new Queue(3);
      const all = queue.putMany(range(300));
      for (const i of range(300)) assert.equal(await queue.get(), i);
      await all;
      await assert.rejects(queue.putMany(range(5), { timeout: 0 }), { ...full, put: 3 });
      assert.deepEqual(await queue.getMany(10), [0, 1, 2]);
      await assert.rejects(queue.putMany(range(5), { timeout: 20 }), { ...full, put: 3 });
      assert.deepEqual(await queue.getMany(2), [0, 1]);
      assert.deepEqual(await queue.getMany(2), [2]);
      const controller = new AbortController();
      const endless = queue.putMany((function* () { for (let i = 0; ; i++) yield i; })(), { signal: controller.signal });
      while (!queue.full()) await turn();
      const reason = new Error('enough');
      controller.abort(reason);
      await assert.rejects(endless, { name: 'CancelledError', code: 'ERR_MP_CANCELLED', cause: reason, put: 3 });
      assert.deepEqual(await queue.getMany(10), [0, 1, 2]);
      await assert.rejects(queue.putMany([1, () => 1, 3]), { code: 'ERR_MP_SERIALIZATION', path: 'items[1]', put: 1 });
      const broken = function* () { yield 2; throw new Error('the iterable'); };
      await assert.rejects(queue.putMany(broken()), { message: 'the iterable' });
      assert.deepEqual(await queue.getMany(10), [1, 2]);
      queue.close();
      await assert.rejects(queue.putMany([1]), { ...closed, put: 0 });`,
    );
  });

  test('options that put something themselves when they are read change nothing of the item', async () => {
    await check(
      testCase,
      `const [queue, other] = [new Queue(), new Queue()];
      const reading = (name) => ({ get timeout() { void other.put('from ' + name); return 1000; } });
      await queue.put('item', reading('put'));
      assert.equal(await queue.get(), 'item');
      assert.equal(await other.get(), 'from put');`,
    );
  });

  test('getMany waits for the first item only', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const waiting = queue.getMany(10);
      await queue.put('one');
      assert.deepEqual(await waiting, ['one']);
      await queue.putMany(range(5));
      assert.deepEqual(await queue.getMany(3), [0, 1, 2]);
      assert.deepEqual(await queue.getMany(3), [3, 4]);
      await assert.rejects(queue.getMany(3, { timeout: 0 }), empty);
      await assert.rejects(queue.getMany(3, { timeout: 10 }), empty);
      const controller = new AbortController();
      const aborted = queue.getMany(3, { signal: controller.signal });
      controller.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      await queue.put('still there');
      assert.equal(queue.qsize(), 1);`,
    );
  });

  test('counts bytes too', async () => {
    await check(
      testCase,
      `const queue = new Queue({ maxBytes: 1000 });
      await queue.put(Buffer.alloc(600));
      await assert.rejects(queue.put(Buffer.alloc(600), { timeout: 0 }), { ...full, message: /1000 bytes/ });
      await queue.put(Buffer.alloc(300));
      const waits = queue.put(Buffer.alloc(600));
      assert.equal((await queue.get()).length, 600);
      await waits;
      assert.equal((await queue.get()).length, 300);
      assert.equal((await queue.get()).length, 600);
      await assert.rejects(queue.put(Buffer.alloc(1001)), { name: 'RangeError', code: 'ERR_MP_OUT_OF_RANGE', message: /1000/ });
      assert.throws(() => queue.putNowait(Buffer.alloc(1001)), RangeError);
      await assert.rejects(queue.putMany([1, Buffer.alloc(1001), 2]), RangeError);
      assert.deepEqual(await queue.getMany(10), [1]);
      const both = new Queue({ maxSize: 2, maxBytes: 1000 });
      await both.putMany([1, 2]);
      await assert.rejects(both.put(3, { timeout: 0 }), full);`,
    );
  });

  test('a pending get keeps the program, an idle queue does not', async () => {
    const stdout = await check(
      testCase,
      `const queue = new Queue();
      setTimeout(() => void queue.put('late'), 100).unref();
      console.log(await queue.get());`,
    );
    if (stdout !== 'late\n') throw new Error(stdout);
  });

  test('gets and puts that never have to wait let the event loop run', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      let ticks = 0;
      const timer = setInterval(() => { ticks += 1; }, 1);
      while (ticks < 3) {
        await queue.put(1);
        await queue.get();
        if (native) await turn();
      }
      clearInterval(timer);
      assert.equal(queue.qsize(), 0);`,
    );
  });

  when(testCase.backend === 'native')('blocks the thread when it is asked to', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      queue.putSync('a');
      assert.throws(() => queue.putSync('b', { timeout: 0 }), full);
      assert.throws(() => queue.putSync('b', { block: false }), full);
      const before = performance.now();
      assert.throws(() => queue.putSync('b', { timeout: 50 }), full);
      assert.ok(performance.now() - before >= 49);
      const [line, p] = await startWithLine(w.getAndEnd, queue);
      queue.putSync('c');
      assert.equal(queue.getSync(), 'c');
      assert.equal(await line.recv(), 'a');
      assert.equal(await p.join(), 0);
      assert.throws(() => queue.getSync({ timeout: 10 }), empty);
      const q = await start(w.putAll, queue, 'd');
      assert.equal(queue.getSync(), 'd');
      assert.equal(await q.join(), 0);
      queue.putSync('e');
      assert.deepEqual(queue.getManySync(5), ['e']);
      assert.throws(() => queue.getManySync(5, { timeout: 0 }), empty);`,
    );
  });

  when(testCase.backend === 'fallback')('answers at once only where the broker is', async () => {
    await check(
      testCase,
      `const queue = new JoinableQueue(1);
      const notSupported = { code: 'ERR_MP_NOT_SUPPORTED' };
      assert.throws(() => queue.putSync(1), { ...notSupported, message: /putSync .*await put\\(/ });
      assert.throws(() => queue.getSync({ timeout: 10 }), { ...notSupported, message: /await get\\(/ });
      assert.throws(() => queue.getManySync(1), notSupported);
      assert.throws(() => queue.joinSync(), notSupported);
      assert.equal(queue.joinSync({ timeout: 0 }), undefined);
      queue.putSync('a', { timeout: 0 });
      assert.throws(() => queue.joinSync({ timeout: 0 }), { code: 'ERR_MP_TIMEOUT' });
      assert.throws(() => queue.putSync('b', { block: false }), full);
      assert.equal(queue.getSync({ timeout: 0 }), 'a');
      assert.throws(() => queue.getManySync(3, { timeout: 0 }), empty);
      const simple = new SimpleQueue();
      assert.throws(() => simple.putSync(1), notSupported);
      assert.throws(() => simple.getSync(), notSupported);
      const [line, p] = await startWithLine(w.cannotAnswerAtOnce, queue);
      const codes = await line.recv();
      assert.deepEqual(codes, range(5).flatMap(() => ['ERR_MP_NOT_SUPPORTED', true]));
      assert.equal(await p.join(), 0);
      // However many were asked before.
      for (const i of range(2000)) {
        queue.putNowait(i);
        assert.equal(queue.getNowait(), i);
      }`,
    );
  });
});
