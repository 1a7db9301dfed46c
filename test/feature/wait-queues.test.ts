// wait() and waitSync() over queues, alone and together with other things.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

const TAKES_NOTHING = `
  const [a, b] = [new Queue(), new SimpleQueue()];
  assert.deepEqual(await mp.wait([a, b], { timeout: 0 }), []);
  assert.deepEqual(await mp.wait([a, b], { timeout: 20 }), []);
  const waiting = mp.wait([a, b]);
  await b.put('second');
  assert.deepEqual(await waiting, [b]);
  await a.put('first');
  assert.deepEqual(await mp.wait([b, a]), [b, a]);
  assert.equal(await a.get(), 'first');
  assert.deepEqual(await mp.wait([b, a]), [b]);
  assert.equal(await b.get(), 'second');
  const stop = new AbortController();
  const given = mp.wait([a, b], { signal: stop.signal });
  stop.abort(new Error('enough'));
  await assert.rejects(given, { message: 'enough' });
  await a.put('after');
  assert.equal(await a.get({ timeout: 1000 }), 'after');`;

describeEach('wait() over queues', (testCase) => {
  test('tells of what is there and takes nothing', async () => {
    await check(testCase, TAKES_NOTHING);
  });

  test('the first of a queue, a connection and the end of a process', async () => {
    await check(
      testCase,
      `
      const queue = new Queue();
      const [line, theirs] = mp.Pipe();
      const p = new Process({ target: w.putAndStay, args: [theirs, queue, 'item'] });
      await p.start();
      theirs.close();
      assert.deepEqual(await mp.wait([p.sentinel, queue]), [queue]);
      assert.equal(await queue.get(), 'item');
      await mp.wait([line]);
      await line.recv();
      const waiting = mp.wait([queue, line, p.sentinel]);
      process.kill(p.pid, 'SIGKILL');
      const [first] = await waiting;
      assert.ok(first === line || first === p.sentinel);
      await p.join();
      assert.deepEqual(await mp.wait([queue, p.sentinel]), [p.sentinel]);`,
    );
  });

  test('the end of a queue', async () => {
    await check(
      testCase,
      `
      const queue = new Queue();
      const waiting = mp.wait([queue]);
      queue.close();
      assert.deepEqual(await waiting, [queue]);
      await assert.rejects(queue.get(), closed);
      const simple = new SimpleQueue();
      simple.close();
      await assert.rejects(mp.wait([simple]), closed);`,
    );
  });
});

describeEach(
  'waitSync() over queues',
  (testCase) => {
    test('tells whoever is blocked that the last one who could put was killed', async () => {
      await check(
        testCase,
        `const queue = new Queue();
        const [line, theirs] = mp.Pipe();
        const p = new Process({ target: w.putAndStay, args: [theirs, queue] });
        await p.start();
        await line.recv();
        queue.close();
        assert.deepEqual(mp.waitSync([queue], { timeout: 1 }), []);
        p.kill();
        assert.deepEqual(mp.waitSync([queue]), [queue]);
        assert.throws(() => queue.getSync(), closed);
        assert.equal(await p.join(), -9);`,
      );
    });

    test('blocks until one of many has something, and takes nothing', async () => {
      await check(
        testCase,
        `
        const queues = Array.from({ length: 20 }, () => new Queue());
        const [line, theirs] = mp.Pipe();
        assert.deepEqual(mp.waitSync([...queues, line], { timeout: 10 }), []);
        const p = new Process({ target: w.putAndStay, args: [theirs, queues[17], 'item'] });
        await p.start();
        theirs.close();
        assert.deepEqual(mp.waitSync([...queues, p.sentinel]), [queues[17]]);
        assert.deepEqual(mp.waitSync([queues[17]]), [queues[17]]);
        assert.equal(queues[17].getSync(), 'item');
        assert.deepEqual(mp.waitSync(queues, { timeout: 0 }), []);
        process.kill(p.pid, 'SIGKILL');
        assert.ok(mp.waitSync([...queues, p.sentinel]).includes(p.sentinel));
        await p.join();
        line.close();
        // Nothing of it is left: who waits now is served.
        const waiting = queues[3].get();
        await queues[3].put('later');
        assert.equal(await waiting, 'later');`,
      );
    });

    test('beside waits that are pending', async () => {
      await check(
        testCase,
        `
        const [one, other] = [new Queue(), new Queue()];
        const waiting = one.get();
        one.putNowait(1);
        assert.deepEqual(mp.waitSync([other], { timeout: 20 }), []);
        other.putNowait(2);
        assert.deepEqual(mp.waitSync([one, other]), [one, other]);
        assert.equal(await waiting, 1);
        assert.equal(other.getNowait(), 2);`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);

describeEach(
  'waitSync() over queues',
  (testCase) => {
    test('is refused', async () => {
      await check(
        testCase,
        `assert.throws(() => mp.waitSync([new Queue()]), { name: 'NotSupportedError', message: /await wait\\(\\)/ });`,
      );
    });
  },
  ({ backend }) => backend === 'fallback',
);
