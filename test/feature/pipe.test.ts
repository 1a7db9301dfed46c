// Pipes between processes, under every start method and on both backends.
import { expect, test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('Pipe', (testCase) => {
  test('carries values to a child and back, in order', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.echo);
      const values = [0, -1.5, 2n ** 70n, 'text', '', null, undefined, true, NaN, [1, [2]], { a: { b: 'c' } },
        new Date(5), new Map([[1, new Set([2])]]), Buffer.from('bytes'), new Uint16Array([1, 2]), new Error('message')];
      for (const value of values) {
        await c.send(value);
        assert.deepEqual(await c.recv(), value);
      }
      for (const value of values) await c.send(value);
      for (const value of values) assert.deepEqual(await c.recv(), value);
      c.close();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('carries bytes of every size', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.echoBytes);
      for (const size of [0, 1, 3, 4, 5, 100, 4095, 4096, 16384, 32767, 32768, 32769, 65536, 212992, 1 << 20, (1 << 20) + 1]) {
        const bytes = Buffer.alloc(size);
        for (let i = 0; i < size; i += 97) bytes[i] = i;
        const [got] = await Promise.all([c.recvBytes(), c.sendBytes(bytes)]);
        assert.ok(got.equals(bytes), String(size));
      }
      c.close();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('carries 16 MiB', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.echo);
      const large = Buffer.alloc(16 << 20, 'pattern');
      const [got] = await Promise.all([c.recv(), c.send(large)]);
      assert.ok(large.equals(got));
      c.close();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('ends for the reader when its child has ended', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.send, 'a', 'b');
      await p.join();
      const got = [];
      for await (const value of c) got.push(value);
      assert.deepEqual(got, ['a', 'b']);
      await assert.rejects(c.send('nobody'), { code: 'ERR_MP_BROKEN_PIPE' });
      c.close();`,
    );
  });

  test('ends for the child when its parent closes', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.waitForPeer);
      await sleep(30);
      c.close();
      assert.equal(await p.join(), 42);`,
    );
  });

  test('one way: the child sends, the parent receives', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const p = new Process({ target: t.send, args: [sender, 1, 2, 3] });
      await p.start();
      sender.close();
      const got = [];
      for await (const value of receiver) got.push(value);
      assert.deepEqual(got, [1, 2, 3]);
      await assert.rejects(receiver.send(1), { code: 'ERR_MP_STATE' });
      assert.equal(await p.join(), 0);
      receiver.close();`,
    );
  });

  test('a connection goes through a connection', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.answerOn);
      for (const name of ['one', 'two', 'three']) {
        const [mine, theirs] = Pipe();
        await c.send({ line: theirs, name });
        theirs.close();
        assert.equal(await mine.recv(), \`hello \${name} from \${p.pid}\`);
        await assert.rejects(mine.recv(), { code: 'ERR_MP_END_OF_FILE' });
        mine.close();
      }
      c.close();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('a child gives its own end away', async () => {
    await check(
      testCase,
      `const [mine, theirs] = Pipe();
      const [c, p] = await start(t.passOn, theirs);
      theirs.close();
      const given = await mine.recv();
      assert.equal(await p.join(), 0);
      await given.send('to whoever holds the other end');
      assert.equal(await c.recv(), 'to whoever holds the other end');
      for (const one of [given, c, mine]) one.close();`,
    );
  });

  test('connects two children without their parent', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      const first = new Process({ target: t.send, args: [a, ...Array(100).keys()] });
      const second = new Process({ target: t.sum, args: [b, 100] });
      await Promise.all([first.start(), second.start()]);
      b.close();
      assert.equal(await first.join(), 0);
      assert.equal(await a.recv(), 4950);
      assert.equal(await second.join(), 0);
      a.close();`,
    );
  });

  test('a reader that is killed breaks the pipe of whoever is sending', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.sendAndStay, 'ready');
      await c.recv();
      const sending = (async () => { for (;;) await c.send(Buffer.alloc(100_000)); })();
      const outcome = assert.rejects(sending, { code: 'ERR_MP_BROKEN_PIPE' });
      await sleep(50);
      p.kill();
      await outcome;
      await p.join();
      c.close();`,
    );
  });

  test('a writer that is killed leaves whole messages and then an error or the end', async () => {
    await check(
      testCase,
      `const [c, p] = await start(t.flood, 200_000);
      let next = 0;
      try {
        for (;;) {
          const [i, fill] = await c.recv();
          assert.equal(i, next++);
          assert.ok(fill.length === 200_000 && fill.every((byte) => byte === 7));
          if (i === 5) p.kill();
        }
      } catch (error) {
        assert.ok(['ERR_MP_END_OF_FILE', 'ECONNRESET'].includes(error.code), error.stack);
      }
      assert.ok(next > 5);
      assert.equal(await p.join(), -9);
      c.close();`,
    );
  });

  test('an open pipe that nobody waits on keeps no process alive', async () => {
    await check(
      testCase,
      `globalThis.kept = Pipe();
      await kept[0].send('unread');`,
      { timeoutMs: 10_000 },
    );
  });
});

describeEach(
  'Pipe, blocking',
  (testCase) => {
    test('values go back and forth', async () => {
      const output = await check(
        testCase,
        `const [c, p] = await start(t.echoSync);
        for (const value of [1, 'two', { three: 3 }, Buffer.alloc(100_000, 4)]) {
          c.sendSync(value);
          assert.deepEqual(c.recvSync(), value);
        }
        assert.equal(c.pollSync(), false);
        c.sendSync('end');
        assert.throws(() => c.recvSync(), { code: 'ERR_MP_END_OF_FILE' });
        assert.equal(p.joinSync(), 0);
        c.close();
        console.log('done');`,
      );
      expect(output).toBe('done\n');
    });

    test('a message larger than the pipe goes through while the child reads', async () => {
      await check(
        testCase,
        `const [c, p] = await start(t.echo);
        const large = Buffer.alloc(8 << 20, 'large');
        c.sendSync(large);
        assert.equal(c.pollSync({ timeout: 10_000 }), true);
        assert.ok(c.recvSync().equals(large));
        c.close();
        assert.equal(await p.join(), 0);`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);
