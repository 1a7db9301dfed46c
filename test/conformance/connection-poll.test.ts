// CPython's tests of poll() (Lib/test/_test_multiprocessing.py), the original id in every title. Adapted means that the thing pinned
// down is the same and the means are Node's.
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeConformance } from '../support/start-methods.js';

describeConformance('TestInvalidHandle', (testCase) => {
  test('TestInvalidHandle.test_invalid_handles (adapted: a connection is not made from a number, and goes on when the descriptor that shows its input is closed under it)', async () => {
    await check(
      testCase,
      `for (const handle of [44977608, -1]) assert.throws(() => new Connection(handle), TypeError);
      if (process.env.MULTIPROCESSING_BACKEND === 'native') {
        const [a, b] = Pipe();
        fs.closeSync(a.fileno());
        assert.equal(await a.poll(), false);
        await a.send(1);
        assert.equal(await b.recv(), 1);
        await b.send(2);
        assert.deepEqual(await mp.wait([a]), [a]);
        assert.equal(await a.recv(), 2);
        a.close();
        await assert.rejects(b.recv(), { name: 'EndOfFileError' });
        b.close();
      }`,
    );
  });
});

describeConformance('_TestPoll', (testCase) => {
  test('_TestPoll.test_empty_string', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      assert.equal(await a.poll(), false);
      await b.sendBytes(Buffer.from(''));
      assert.equal(await a.poll({ timeout: 5000 }), true);
      assert.equal(await a.poll(), true);
      a.close();
      b.close();`,
    );
  });

  test('_TestPoll.test_strings', async () => {
    await check(
      testCase,
      `const strings = ['hello', '', 'a', 'b', '', 'bye', '', 'lop'];
      const [a, b] = Pipe();
      const p = new Process({ target: t.sendStrings, args: [b, strings] });
      await p.start();
      for (const text of strings) {
        for (let i = 0; i < 200 && !(await a.poll({ timeout: 10 })); i++);
        assert.equal((await a.recvBytes()).toString(), text);
      }
      assert.equal(await p.join(), 0);
      a.close();
      b.close();`,
    );
  });

  test('_TestPoll.test_boundaries', async () => {
    await check(
      testCase,
      `const [r, w] = Pipe({ duplex: false });
      const p = new Process({ target: t.pollOnly, args: [r] });
      await p.start();
      await sleep(300);
      const texts = ['first', 'second'];
      for (const text of texts) await w.sendBytes(Buffer.from(text));
      w.close();
      assert.equal(await p.join(), 0);
      assert.ok(texts.includes((await r.recvBytes()).toString()));
      r.close();`,
    );
  });

  test('_TestPoll.test_dont_merge', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      assert.equal(await a.poll({ timeout: 0 }), false);
      assert.equal(await a.poll({ timeout: 100 }), false);
      const p = new Process({ target: t.sendUnmerged, args: [b] });
      await p.start();
      const next = async () => (await a.recvBytes()).toString();
      assert.equal(await next(), 'a');
      assert.equal(await a.poll({ timeout: 10_000 }), true);
      assert.equal(await a.poll({ timeout: 10_000 }), true);
      assert.equal(await next(), 'b');
      assert.equal(await a.poll({ timeout: 10_000 }), true);
      assert.equal(await a.poll({ timeout: 10_000 }), true);
      assert.equal(await a.poll({ timeout: 0 }), true);
      assert.equal(await next(), 'cd');
      assert.equal(await p.join(), 0);
      a.close();
      b.close();`,
    );
  });
});

describeConformance(
  '_TestPollEintr',
  (testCase) => {
    test('_TestPollEintr.test_poll_eintr', async () => {
      await check(
        testCase,
        `let gotSignal = false;
        process.on('SIGUSR1', () => { gotSignal = true; });
        const killer = new Process({ target: t.signalParent, args: [process.pid] });
        await killer.start();
        const p = new Process({ target: t.sleepFor, args: [500] });
        await p.start();
        // Blocks in poll(2), which the signal interrupts; its listener runs when the event loop does again.
        assert.equal(p.joinSync(), 0);
        await killer.join();
        await settle(() => gotSignal);
        assert.equal(p.exitCode, 0);
        const [r, w] = Pipe();
        gotSignal = false;
        const again = new Process({ target: t.signalParent, args: [process.pid] });
        await again.start();
        const before = performance.now();
        assert.equal(r.pollSync({ timeout: 400 }), false);
        assert.ok(performance.now() - before >= 399);
        await again.join();
        await settle(() => gotSignal);
        r.close();
        w.close();
        process.removeAllListeners('SIGUSR1');`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);
