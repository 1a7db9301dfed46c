// Pipes in shared memory: who has an end and when it is closed, room, descriptors, and pipes where there is no shared memory.
import path from 'node:path';
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeEach } from '../support/start-methods.js';

const dist = (file: string): string => path.resolve(import.meta.dirname, '..', '..', 'dist', file);

describeEach('An end of a pipe', (testCase) => {
  test('is closed by the death of a child that has not come to open it', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const [other, deep] = Pipe();
      const p = new Process({ target: t.sleepFor, args: [60_000, there, { deep }] });
      await p.start();
      p.kill();
      there.close();
      deep.close();
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
      await assert.rejects(other.recv(), { code: 'ERR_MP_END_OF_FILE' });
      await p.join();`,
    );
  });

  test('gives a long byte array as it was sent, whoever waits, and as bytes the message that it always was', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      for (const n of [65_535, 65_536, 65_537, 2 ** 20 + 8]) {
        const sent = new Uint8Array(n).map((_, i) => i % 251);
        const isWhole = (got) => {
          assert.equal(Object.getPrototypeOf(got), Uint8Array.prototype);
          assert.deepEqual([got.byteOffset, got.buffer.byteLength], [0, n]);
          assert.equal(Buffer.compare(got, sent), 0);
        };
        await here.send(sent);
        isWhole(await there.recv());
        if (${String(testCase.backend === 'native')}) {
          here.sendSync(sent);
          isWhole(there.recvSync());
        }
        const waiting = there.recv();
        await here.send(sent);
        isWhole(await waiting);
        await here.send(Buffer.from(sent));
        const buffer = await there.recv();
        assert.ok(Buffer.isBuffer(buffer) && buffer.equals(sent));
        await here.send(sent);
        const raw = await there.recvBytes();
        assert.equal(raw.length, n + 1);
        assert.equal(Buffer.compare(raw.subarray(1), sent), 0);
        await here.sendBytes(raw);
        isWhole(await there.recv());
        const into = new Uint8Array(n + 1);
        await here.send(sent);
        assert.equal(await there.recvBytesInto(into), n + 1);
        assert.ok(raw.equals(into));
      }
      // A part of a value, or numbers: in two as well.
      const data = new Uint8Array(100_000).map((_, i) => i % 251), words = new Uint16Array(50_000).fill(7);
      const numbers = Array.from({ length: 40_000 }, (_, i) => i);
      for (const value of [{ id: 1, data }, [words], [data, words, Buffer.from(data)], numbers, numbers.map((n) => n / 8)]) {
        await here.send(value);
        assert.deepEqual(await there.recv(), value);
        const waiting = there.recv();
        await here.send(value);
        assert.deepEqual(await waiting, value);
        await here.send(value);
        const raw = await there.recvBytes();
        await here.sendBytes(raw);
        assert.deepEqual(await there.recv(), value);
      }
      await here.send({ id: 2, words });
      assert.equal((await there.recv()).words.buffer.byteLength, 100_000);
      // What waits for room was copied.
      const first = new Uint8Array(300_000).fill(1), second = new Uint8Array(300_000).fill(2);
      await here.send(first);
      const sending = here.send(second);
      second.fill(3);
      assert.ok((await there.recv()).every((byte) => byte === 1));
      await sending;
      assert.ok((await there.recv()).every((byte) => byte === 2));`,
    );
  });

  test('is closed when its child closes it, however long that lives', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const [line, theirs] = Pipe();
      const p = new Process({ target: t.closeAndStay, args: [there, theirs] });
      await p.start();
      there.close();
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
      assert.equal(await line.recv(), 'closed');
      await assert.rejects(here.send(1), { code: 'ERR_MP_BROKEN_PIPE' });
      p.kill();
      await p.join();`,
    );
  });

  test('that is in a message nobody reads is closed with that pipe', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const [a, b] = Pipe();
      const [x, y] = Pipe();
      await y.send({ there });
      await a.send([x]);
      there.close();
      x.close();
      assert.equal(await here.poll(), false);
      assert.equal(await y.poll(), false);
      b.close();
      a.close();
      await assert.rejects(y.recv(), { code: 'ERR_MP_END_OF_FILE' });
      y.close();
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });`,
    );
  });
});

describeEach(
  'A pipe in shared memory',
  (testCase) => {
    test('has room for a thousand messages, 256 KiB, or one of any length', async () => {
      await check(
        testCase,
        `const fits = async (bytes) => {
          const [a, b] = Pipe();
          let sent = 0;
          try { for (;; sent += 1) await a.sendBytes(bytes, { timeout: 0 }); } catch (error) { assert.equal(error.code, 'ERR_MP_TIMEOUT'); }
          for (let got = 0; got < sent; got += 1) assert.equal((await b.recvBytes()).length, bytes.length);
          assert.equal(await b.poll(), false);
          await a.sendBytes(bytes, { timeout: 0 });
          a.close();
          b.close();
          return sent;
        };
        assert.equal(await fits(Buffer.alloc(0)), 1024);
        assert.equal(await fits(Buffer.alloc(100)), 1024);
        assert.equal(await fits(Buffer.alloc(1024)), 256);
        assert.equal(await fits(Buffer.alloc(200_000)), 1);
        assert.equal(await fits(Buffer.alloc(5 << 20)), 1);`,
      );
    });

    test('whose message is put together by the program may be received from meanwhile', async () => {
      await check(
        testCase,
        `class Labelled { constructor(label) { this.label = label; } }
        const [here, there] = Pipe();
        const seen = [];
        mp.registerReducer(Labelled, ({ label }) => label, (label) => {
          seen.push(there.recvSync());
          return new Labelled(label);
        }, 'Labelled');
        const sent = [new Labelled('first'), new Labelled('second'), 'the end'];
        here.sendSync(sent);
        here.sendSync({ filler: 'x'.repeat(300) });
        here.sendSync(new Map([['y'.repeat(300), 1]]));
        assert.deepEqual(there.recvSync(), sent);
        assert.equal(seen.length, 2);`,
      );
    });

    test('sends what it was given, whatever else is sent when its options are read', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe(), [other, far] = Pipe();
        const intruder = { get signal() { other.sendSync({ x: 'somebody else' }); } };
        await here.send({ x: 'what was given' }, intruder);
        assert.deepEqual(await there.recv(), { x: 'what was given' });
        assert.deepEqual(await far.recv(), { x: 'somebody else' });`,
      );
    });

    test('has room for a message behind one that was given up', async () => {
      await check(
        testCase,
        `const [a, b] = Pipe();
        await a.sendBytes(Buffer.alloc(100_000));
        const waits = assert.rejects(a.sendBytes(Buffer.alloc(200_000), { timeout: 20 }), { code: 'ERR_MP_TIMEOUT' });
        const behind = a.send('behind');
        await waits;
        await behind;
        assert.equal((await b.recvBytes()).length, 100_000);
        assert.equal(await b.recv(), 'behind');`,
      );
    });

    test('closed while somebody waits for several things closes itself alone', async () => {
      await check(
        testCase,
        `const [a, b] = Pipe();
        await a.send(Buffer.alloc(1 << 20));
        const abort = new AbortController();
        const waits = [a.send(1, { timeout: 1000 }), a.send(2, { signal: abort.signal }), a.recv(), a.recv({ timeout: 1000 }), a.poll({ timeout: 1000 })];
        a.close();
        // Whatever takes its place is nothing to it.
        const others = Array.from({ length: 5 }, () => Pipe());
        for (const { reason } of await Promise.allSettled(waits)) assert.equal(reason.code, 'ERR_MP_CLOSED');
        a.close();
        for (const [c, d] of others) {
          await c.send('open');
          assert.equal(await d.recv(), 'open');
        }
        assert.equal((await b.recv()).length, 1 << 20);
        await assert.rejects(b.recv(), { code: 'ERR_MP_END_OF_FILE' });`,
      );
    });

    test('tells whoever is blocked that the last one to have the other end was killed', async () => {
      await check(
        testCase,
        `const killed = async (block) => {
          const [here, p] = await start(t.sendAndStay, 'ready');
          assert.equal(await here.recv(), 'ready');
          const killer = new Process({ target: t.killAfter, args: [p.pid, 50] });
          await killer.start();
          block(here);
          assert.throws(() => here.recvSync(), { code: 'ERR_MP_END_OF_FILE' });
          here.close();
          assert.equal(await p.join(), -9);
          await killer.join();
        };
        await killed((here) => assert.throws(() => here.recvSync(), { code: 'ERR_MP_END_OF_FILE' }));
        await killed((here) => assert.equal(here.pollSync({ timeout: Infinity }), true));
        await killed((here) => assert.deepEqual(mp.waitSync([here]), [here]));
        await killed((here) => {
          here.sendSync(Buffer.alloc(1 << 20));
          assert.throws(() => here.sendSync(1), { code: 'ERR_MP_BROKEN_PIPE' });
        });`,
      );
    });

    test('an end that was waiting to be sent is closed by the death of its sender', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe();
        const [full, unread] = Pipe();
        const [line, theirs] = Pipe();
        const p = new Process({ target: t.stickWith, args: [full, there, theirs] });
        await p.start();
        there.close();
        assert.equal(await line.recv(), 'waits');
        assert.equal(await here.poll(), false);
        p.kill();
        await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
        await p.join();
        full.close();
        unread.close();`,
      );
    });

    test('blocks for input while what it sends waits for room', async () => {
      await check(
        testCase,
        `const [here, p] = await start(t.echoBytes);
        const large = Buffer.alloc(1 << 20, 5);
        const sent = [1, 2, 3].map(() => here.sendBytes(large));
        for (const _ of sent) assert.ok(here.recvBytesSync().equals(large));
        await Promise.all(sent);
        here.close();
        assert.equal(await p.join(), 0);`,
      );
    });

    test('fileno() is readable while there is input, and keeps nothing alive', async () => {
      await check(
        testCase,
        `const { loadAddon } = require(${JSON.stringify(dist('backend/addon.js'))});
        const isReadable = (fd) => loadAddon().addon.pollDescriptors([fd], [1], 0);
        const [here, there] = Pipe();
        const fd = here.fileno();
        assert.equal(here.fileno(), fd);
        assert.equal(isReadable(fd), false);
        await there.send(1);
        await there.send(2);
        await settle(() => isReadable(fd));
        assert.equal(await here.recv(), 1);
        assert.equal(isReadable(fd), true);
        assert.equal(here.recvSync(), 2);
        assert.equal(isReadable(fd), false);
        await there.send(3);
        await settle(() => isReadable(fd));
        // Whoever has read what is in it takes nothing from the connection.
        fs.readSync(fd, Buffer.alloc(1));
        assert.equal(await here.recv(), 3);
        assert.equal(isReadable(fd), false);
        there.close();
        await settle(() => isReadable(fd));
        const before = descriptors();
        here.close();
        assert.equal(descriptors(), before - 2);
        const [receiver, sender] = Pipe({ duplex: false });
        assert.equal(isReadable(sender.fileno()), false);
        await sender.send(1);
        assert.equal(isReadable(receiver.fileno()), true);
        globalThis.open = Pipe();
        open[0].fileno();`,
        { timeoutMs: 20_000 },
      );
    });

    test('writes a message straight to where it is wanted', async () => {
      await check(
        testCase,
        `const [a, b] = Pipe();
        const target = new Uint8Array(10_000);
        await a.sendBytes(Buffer.alloc(9000, 1));
        assert.equal(await b.recvBytesInto(target, { offset: 500 }), 9000);
        assert.ok(target.every((byte, at) => byte === Number(at >= 500 && at < 9500)));
        // Taken away while it is waited for: nothing is lost.
        const waiting = b.recvBytesInto(target);
        structuredClone(target.buffer, { transfer: [target.buffer] });
        await a.sendBytes(Buffer.alloc(100, 2));
        await assert.rejects(waiting, TypeError);
        assert.equal((await b.recvBytes()).length, 100);`,
      );
    });

    test('by sockets where there is no shared memory, also for processes', async () => {
      await check(
        testCase,
        `const { loadAddon } = require(${JSON.stringify(dist('backend/addon.js'))});
        const { sync } = loadAddon().addon;
        const { pipeMake } = sync;
        sync.pipeMake = () => { throw Object.assign(new Error('no room'), { code: 'ENOSPC', errno: -28, syscall: 'Claim' }); };
        const [c, p] = await start(t.echo);
        sync.pipeMake = pipeMake;
        const [shared, theirs] = Pipe();
        await c.send('by socket');
        assert.equal(await c.recv(), 'by socket');
        await c.send(theirs);
        theirs.close();
        const back = await c.recv();
        await back.send('and back');
        assert.equal(await shared.recv(), 'and back');
        c.close();
        back.close();
        assert.equal(await p.join(), 0);
        await assert.rejects(shared.recv(), { code: 'ERR_MP_END_OF_FILE' });`,
      );
    });

    test('leaves no memory behind, whatever was in it', async () => {
      await check(
        testCase,
        `const taken = () => {
          const status = fs.readFileSync('/proc/self/status', 'utf8');
          return Number(/RssShmem:\\s+(\\d+)/.exec(status)[1]);
        };
        const round = async (pipes) => {
          for (let i = 0; i < pipes; i += 1) {
            const [a, b] = Pipe();
            await a.send({ i, b });
            await b.send(Buffer.alloc(10_000));
            (await b.recv()).b.close();
            a.close();
            b.close();
          }
        };
        await round(300);
        const before = taken();
        await round(1500);
        assert.ok(taken() - before < 4096, String(taken() - before));`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);
