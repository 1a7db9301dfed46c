// Connections under attack: killed peers, garbage collected ends, forks and environments that end.
import { describe, test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeEach } from '../support/start-methods.js';

const native =
  process.env['MULTIPROCESSING_BACKEND'] !== 'fallback' && process.platform === 'linux';
const env = { MULTIPROCESSING_BACKEND: 'native' };

describe.runIf(native)('a connection on the native backend', () => {
  test('is closed by the garbage collector when nobody can reach it', async () => {
    await check(
      undefined,
      `const kept = [];
      await (async () => {
        for (let i = 0; i < 20; i++) {
          const [a, b] = Pipe();
          const received = b.recv();
          const [far, lost] = Pipe();
          await a.send(lost);
          await received;
          await b.recv({ timeout: 0 }).catch(() => undefined);
          kept.push(far);
        }
      })();
      const ended = kept.map(() => false);
      for (const [i, far] of kept.entries()) far.poll({ timeout: Infinity }).then(() => { ended[i] = true; });
      await settle(() => ended.every(Boolean));
      for (const far of kept) await assert.rejects(far.recv(), { code: 'ERR_MP_END_OF_FILE' });`,
      { env },
    );
  });

  test('closes what came with a message that cannot be understood, or that is taken as bytes', async () => {
    await check(
      undefined,
      `class Unknown {}
      mp.registerReducer(Unknown, () => 0, () => { throw new Error('not here'); }, 'unknown');
      const [a, b] = Pipe();
      for (const receive of [
        () => assert.rejects(b.recv(), { code: 'ERR_MP_SERIALIZATION' }),
        () => b.recvBytes(),
        () => { assert.throws(() => b.recvSync(), { code: 'ERR_MP_SERIALIZATION' }); },
      ]) {
        const [x, y] = Pipe();
        await a.send([new Unknown(), x]);
        x.close();
        assert.equal(await y.poll(), false);
        await receive();
        await assert.rejects(y.recv(), { code: 'ERR_MP_END_OF_FILE' });
        y.close();
      }
      a.close();
      b.close();`,
      { env },
    );
  });

  test('lets go of all that came with a message that is asked for as bytes', async () => {
    await check(
      undefined,
      `const { Queue } = mp;
      const [a, b] = Pipe();
      const queue = new Queue();
      await a.send([queue, new Queue()]);
      // The same object twice: the second message still has it.
      await a.send(queue);
      await b.recvBytes();
      const again = await b.recv();
      await queue.put('there');
      queue.close();
      assert.equal(await again.get(), 'there');
      const kilobytes = () => Number(/RssShmem:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
      const some = async (n) => {
        for (let i = 0; i < n; i++) {
          await a.send([new Queue()]);
          await b.recvBytes();
          if (i % 50 === 49) { globalThis.gc(); await sleep(1); }
        }
      };
      await some(400);
      const before = kilobytes();
      await some(400);
      // 400 queues are 6 MiB.
      assert.ok(kilobytes() - before < 3072, String(kilobytes() - before));`,
      { env },
    );
  });

  test('leaves neither descriptors nor memory after 200 000 round trips', async () => {
    await check(
      undefined,
      `const [a, b] = Pipe();
      const echo = (async () => { for await (const value of b) await b.send(value); })();
      const rounds = async (n) => {
        for (let i = 0; i < n; i++) {
          await a.send({ i });
          assert.equal((await a.recv()).i, i);
        }
      };
      // What is in use, not what V8 keeps for later, which grows and shrinks as it likes and differently on each machine.
      const inUse = async () => {
        globalThis.gc();
        await sleep(20);
        const { rss, heapTotal, heapUsed } = process.memoryUsage();
        return rss - heapTotal + heapUsed;
      };
      await rounds(20_000);
      const fds = descriptors();
      // A cache grows until it is full; a leak, of 64 bytes a round trip, grows by more than this every time.
      const grown = [];
      for (let i = 0, before = await inUse(); i < 10; i++) {
        await rounds(20_000);
        const now = await inUse();
        grown.push(now - before);
        before = now;
      }
      assert.ok(Math.min(...grown) < 640_000, String(grown));
      assert.equal(descriptors(), fds);
      a.close();
      await echo;
      b.close();`,
      { env, timeoutMs: 60_000, nodeArgs: ['--max-semi-space-size=1'] },
    );
  });

  test('while somebody waits for it, it is not collected', async () => {
    await check(
      undefined,
      `let sender;
      const received = (() => {
        const [a, b] = Pipe();
        sender = a;
        return b.recv();
      })();
      for (let i = 0; i < 10; i++) { globalThis.gc(); await sleep(5); }
      await sender.send('still there');
      assert.equal(await received, 'still there');`,
      { env },
    );
  });

  test('carries 300 MiB', async () => {
    await check(
      undefined,
      `const [a, b] = Pipe();
      const large = Buffer.alloc(300 << 20, 'large');
      const [got] = await Promise.all([b.recvBytes(), a.sendBytes(large)]);
      assert.ok(got.equals(large));
      a.close();
      b.close();`,
      { env, timeoutMs: 60_000 },
    );
  });

  test('waiting keeps the program alive, and being served lets it end', async () => {
    await check(
      undefined,
      `const [a, b] = Pipe();
      setTimeout(() => a.send('late'), 50).unref();
      setTimeout(() => a.send('late'), 100).unref();
      assert.equal(await b.recv(), 'late');
      assert.equal(await b.poll({ timeout: Infinity }), true);
      process.on('exit', () => console.log('end'));`,
      { env, timeoutMs: 10_000 },
    );
  });

  test('in a worker_thread it ends with the thread, waited on or not', async () => {
    await check(
      undefined,
      `const { Worker } = require('node:worker_threads');
      const before = descriptors();
      for (const tail of ['b.recv();', 'b.recv(); a.send(Buffer.alloc(8 << 20));', '', 'a.close();', 'b.recv(); process.exit();']) {
        const worker = new Worker(\`
          const { Pipe } = require('node-multiprocessing');
          const { parentPort } = require('node:worker_threads');
          (async () => {
            const [a, b] = Pipe();
            // An end that is collected is closed, and whoever waits at the other one is told.
            globalThis.ends = [a, b];
            await a.send(1);
            await b.recv();
            parentPort.postMessage('ready');
            \${tail}
          })();\`, { eval: true });
        worker.on('error', (error) => { throw error; });
        await new Promise((resolve) => worker.once('message', resolve));
        await sleep(10);
        await worker.terminate();
      }
      await settle(() => descriptors() <= before + 2);
      const [a, b] = Pipe();
      await a.send('main goes on');
      assert.equal(await b.recv(), 'main goes on');
      a.close();
      b.close();`,
      { env },
    );
  });
});

describeEach(
  'a connection around a fork',
  (testCase) => {
    test('works on both sides between messages', async () => {
      await check(
        testCase,
        `const [a, b] = Pipe();
        const waiting = a.recv();
        await sleep(10);
        const p = new Process({ target: async () => {
          // What the parent waits for is not answered here.
          await b.send('from the child');
          b.close();
          a.close();
        } });
        await p.start();
        assert.equal(await waiting, 'from the child');
        assert.equal(await p.join(), 0);
        await b.send('from the parent');
        assert.equal(await a.recv(), 'from the parent');
        a.close();
        b.close();`,
      );
    });

    test('a signal that fires in the child ends what the child waits for, not what its parent does', async () => {
      await check(
        testCase,
        `const [a, b] = Pipe();
        const abort = new AbortController();
        let ended = 0;
        const waiting = a.recv({ signal: abort.signal }).finally(() => (ended += 1));
        const p = new Process({ target: async () => {
          const own = assert.rejects(b.recv({ signal: abort.signal }), { name: 'AbortError' });
          abort.abort();
          await own;
          await sleep(1);
          assert.equal(ended, 0);
        } });
        await p.start();
        assert.equal(await p.join(), 0);
        await b.send('from the parent');
        assert.equal(await waiting, 'from the parent');
        a.close();
        b.close();`,
      );
    });

    test('in the midst of a message the child is told, and its parent goes on', async () => {
      await check(
        testCase,
        `const tell = (error) => [error.code, error.message.includes('forked')];
        const [line, there] = Pipe();
        const [writes, idle] = SocketPipe();
        const [idle2, reads] = SocketPipe();
        // Half written, since nobody reads; and half read, since the rest is not written yet.
        const written = writes.send(Buffer.alloc(4 << 20, 1));
        const frame = Buffer.concat([Buffer.from([0, 0, 0, 5]), Buffer.from('hello')]);
        fs.writeSync(idle2.fileno(), frame, 0, 6);
        const read = reads.recvBytes();
        const p = new Process({ target: async () => {
          await there.send([await writes.send('x').catch(tell), await reads.recv().catch(tell)]);
          await there.send([await reads.send('still writes'), await writes.poll()]);
        } });
        await p.start();
        const told = ['ERR_MP_STATE', true];
        assert.deepEqual(await line.recv(), [told, told]);
        assert.deepEqual(await line.recv(), [undefined, false]);
        assert.equal(await p.join(), 0);
        fs.writeSync(idle2.fileno(), frame, 6);
        assert.equal((await read).toString(), 'hello');
        assert.equal((await idle.recv()).length, 4 << 20);
        await written;
        assert.equal(await idle2.recv(), 'still writes');
        for (const one of [line, there, writes, idle, idle2, reads]) one.close();`,
      );
    });

    test('what is registered for the parent does not wake the child, nor the other way round', async () => {
      await check(
        testCase,
        `const [a, b] = Pipe();
        const [line, there] = Pipe();
        const received = [];
        const reading = (async () => { for await (const value of b) received.push(value); })();
        const children = [];
        for (let i = 0; i < 5; i++) {
          const p = new Process({ target: async () => {
            line.close();
            await sleep(20);
            await there.send(received.length);
            a.close();
            b.close();
          } });
          await p.start();
          children.push(p);
        }
        for (let i = 0; i < 100; i++) await a.send(i);
        for (let i = 0; i < 5; i++) assert.equal(await line.recv(), 0);
        for (const p of children) assert.equal(await p.join(), 0);
        a.close();
        await reading;
        assert.deepEqual(received, [...Array(100).keys()]);
        for (const one of [b, line, there]) one.close();`,
      );
    });
  },
  ({ method }) => method === 'fork',
);
