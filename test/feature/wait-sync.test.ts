// waitSync() over connections and sentinels, and both forms over very many.
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { withAll } from '../fixtures/connection/waiting.js';
import { describeEach } from '../support/start-methods.js';

describeEach(
  'wait() and waitSync() [native]',
  (testCase) => {
    test('ten thousand objects, without a descriptor for each', { timeout: 120_000 }, async () => {
      await check(
        testCase,
        withAll(`
        const fs = require('node:fs');
        const descriptors = () => fs.readdirSync('/proc/self/fd').length;
        const ends = Array.from({ length: 2500 }, () => Pipe()).flat();
        const queues = Array.from({ length: 5000 }, (_, i) => (i % 3 === 0 ? new mp.SimpleQueue() : i % 3 === 1 ? new mp.Queue() : new mp.JoinableQueue()));
        const objects = [...ends, ...queues];
        // Of what lasts, once.
        assert.deepEqual(await wait([ends[0], queues[0]], { timeout: 1 }), []);
        assert.deepEqual(waitSync([ends[0], queues[0]], { timeout: 1 }), []);
        const before = descriptors();
        for (const i of [9999, 5000, 4999, 0]) {
          const object = objects[i], isEnd = i < ends.length;
          const waiting = wait(objects);
          await new Promise((resolve) => setImmediate(resolve));
          const during = descriptors();
          assert.ok(during < before + 20, String(during - before));
          await (isEnd ? ends[i ^ 1].send(i) : object.put(i));
          assert.deepEqual(await waiting, [object]);
          assert.deepEqual(waitSync(objects), [object]);
          assert.equal(await (isEnd ? object.recv() : object.get()), i);
          assert.deepEqual(waitSync(objects, { timeout: 1 }), []);
        }
        assert.ok(descriptors() < before + 20);
        close(ends);`),
        { timeoutMs: 100_000 },
      );
    });

    test('waitSync: messages and ends of processes, in the order given', async () => {
      await check(
        testCase,
        withAll(`
        const [here, child] = await start(t.send, 'one', 'two');
        const other = new Process({ target: t.sleepFor, args: [60_000] });
        await other.start();
        assert.deepEqual(waitSync([other.sentinel, here]), [here]);
        assert.equal(here.recvSync(), 'one');
        assert.deepEqual(waitSync([child.sentinel]), [child.sentinel]);
        assert.deepEqual(waitSync([other.sentinel, child.sentinel, here]), [child.sentinel, here]);
        assert.equal(child.joinSync(), 0);
        assert.deepEqual(waitSync([here, child.sentinel], { timeout: 0 }), [here, child.sentinel]);
        assert.equal(here.recvSync(), 'two');
        assert.deepEqual(waitSync([here, other.sentinel]), [here]);
        assert.throws(() => here.recvSync(), { name: 'EndOfFileError' });
        const before = performance.now();
        assert.deepEqual(waitSync([other.sentinel], { timeout: 50 }), []);
        assert.deepEqual(waitSync([], { timeout: 50 }), []);
        assert.ok(performance.now() - before >= 99);
        assert.deepEqual(waitSync([]), []);
        other.kill();
        assert.deepEqual(waitSync([other.sentinel]), [other.sentinel]);
        assert.equal(other.joinSync(), -9);
        here.close();`),
      );
    });

    test('waitSync: messages that wait for room go on', async () => {
      await check(
        testCase,
        withAll(`
        const [a, b] = Pipe();
        const large = Buffer.alloc(4 * 1024 * 1024, 3);
        // There is room for the first one alone, and no turn of the event loop goes between.
        const sent = [b.sendBytes(large), b.sendBytes(large)];
        assert.deepEqual(waitSync([b, a]), [a]);
        assert.ok(a.recvBytesSync().equals(large));
        assert.deepEqual(waitSync([a], { timeout: 0 }), []);
        assert.deepEqual(waitSync([b, a]), [a]);
        assert.ok((await a.recvBytes()).equals(large));
        await Promise.all(sent);

        const [here, child] = await start(t.echoBytes);
        const sending = [here.sendBytes(large), here.sendBytes(large), here.sendBytes(large)];
        for (const _ of sending) {
          assert.deepEqual(waitSync([child.sentinel, here]), [here]);
          assert.ok(here.recvBytesSync().equals(large));
        }
        await Promise.all(sending);
        here.close();
        await child.join();
        close([a, b]);`),
      );
    });

    test('waitSync: signals do not cut it short', async () => {
      await check(
        testCase,
        withAll(`
        let signals = 0;
        process.on('SIGUSR1', () => signals++);
        const killer = new Process({ target: t.signalParent, args: [process.pid] });
        await killer.start();
        const [a, b] = Pipe();
        const before = performance.now();
        assert.deepEqual(waitSync([a, b], { timeout: 400 }), []);
        assert.ok(performance.now() - before >= 399);
        assert.deepEqual(waitSync([a, killer.sentinel]), [killer.sentinel]);
        await killer.join();
        await settle(() => signals === 1);
        process.removeAllListeners('SIGUSR1');
        close([a, b]);`),
      );
    });

    test('waitSync: says what it cannot wait for', async () => {
      await check(
        testCase,
        withAll(`
        const [r, w] = Pipe({ duplex: false });
        for (const [objects, options, expected] of [
          [undefined, {}, TypeError], [[{}], {}, TypeError], [[r, r], {}, TypeError], [[r], { timeout: -1 }, RangeError], [[r], 7, TypeError],
          [[w], {}, { name: 'StateError' }], [[net.createServer()], {}, { name: 'NotSupportedError' }],
          [[new net.Socket()], {}, { name: 'NotSupportedError', message: /await wait\\(\\)/ }],
        ]) assert.throws(() => waitSync(objects, options), expected);
        close([r, w]);
        assert.throws(() => waitSync([r]), { name: 'ClosedError' });`),
      );
    });
  },
  ({ backend }) => backend === 'native',
);

describeEach(
  'waitSync() [fallback]',
  (testCase) => {
    test('is refused, ready or not', async () => {
      await check(
        testCase,
        withAll(`
        const [a, b] = Pipe();
        await a.send(1);
        for (const objects of [[a], [b], []])
          assert.throws(() => waitSync(objects, { timeout: 0 }), { name: 'NotSupportedError', message: /waitSync .*await wait\\(\\)/ });
        close([a, b]);`),
      );
    });
  },
  ({ backend }) => backend === 'fallback',
);
