// Connections kept by sockets, as they are where shared memory is not to be had: torn and invented messages, exhausted descriptors.
import { describe, test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';

const native =
  process.env['MULTIPROCESSING_BACKEND'] !== 'fallback' && process.platform === 'linux';
const env = { MULTIPROCESSING_BACKEND: 'native' };

describe.runIf(native)('a connection kept by sockets', () => {
  test('refuses bytes that are no message, for good, and still sends', async () => {
    await check(
      undefined,
      `for (const garbage of ['GET / HTTP/1.1\\r\\n', '\\x80\\0\\0\\0', '\\xff\\xff\\xff\\xfe', '\\xff'.repeat(12)]) {
        const [a, b] = SocketPipe();
        fs.writeSync(a.fileno(), Buffer.from(garbage, 'latin1'));
        if (garbage.startsWith('GET')) {
          // A body of more than a gigabyte is announced: memory is not, and the end tells.
          const before = process.memoryUsage().rss;
          await assert.rejects(b.recv({ timeout: 20 }), { code: 'ERR_MP_TIMEOUT' });
          assert.ok(process.memoryUsage().rss - before < 100 << 20);
          a.close();
          await assert.rejects(b.recv(), { code: 'ECONNRESET', message: /middle of a message/ });
        } else {
          await assert.rejects(b.recv(), { code: 'EPROTO' });
          await assert.rejects(b.recv(), { code: 'EPROTO' });
          await b.send('other way');
          assert.equal(await a.recv(), 'other way');
        }
        a.close();
        b.close();
      }`,
      { env },
    );
  });

  test('reads what CPython writes, and the other way round', async () => {
    await check(
      undefined,
      `const { spawnSync, spawn } = require('node:child_process');
      if (spawnSync('python3', ['--version']).status !== 0) return;
      const [a, b] = SocketPipe();
      const script = \`
from multiprocessing.connection import Connection
c = Connection(3)
while True:
    try: m = c.recv_bytes()
    except EOFError: break
    c.send_bytes(m[::-1])
\`;
      const python = spawn('python3', ['-c', script], { stdio: ['ignore', 'inherit', 'inherit', b.fileno()] });
      b.close();
      for (const size of [0, 1, 5, 16384, 16385, 1 << 20]) {
        const bytes = Buffer.alloc(size);
        for (let i = 0; i < size; i++) bytes[i] = i * 7;
        const [got] = await Promise.all([a.recvBytes(), a.sendBytes(bytes)]);
        assert.ok(got.equals(bytes.reverse()));
      }
      a.close();
      await new Promise((resolve) => python.once('exit', resolve));
      assert.equal(python.exitCode, 0);`,
      { env },
    );
  });

  test('tells when descriptors do not fit, and goes on', async () => {
    await check(
      undefined,
      `if (!process.env.LIMITED) {
        const { spawnSync } = require('node:child_process');
        const limit = ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, __filename];
        process.exitCode = spawnSync('sh', limit, { stdio: 'inherit', env: { ...process.env, LIMITED: '1' } }).status;
        return;
      }
      // What is loaded with the first one.
      for (const end of Pipe()) end.close();
      const [a, b] = SocketPipe();
      const [x, y] = SocketPipe();
      await a.send([x, y]);
      await a.send('next');
      const taken = [];
      try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { assert.equal(error.code, 'EMFILE'); }
      await assert.rejects(b.recv(), (error) => error.code === 'EMFILE' && /a message was lost/.test(error.message));
      assert.equal(await b.recv(), 'next');
      assert.throws(() => SocketPipe(), { code: 'EMFILE' });
      // In shared memory there is room without descriptors.
      for (const end of Pipe()) end.close();
      await assert.rejects(a.send(x), (error) => /EMFILE/.test(error.message));
      for (const fd of taken) fs.closeSync(fd);
      await a.send(x);
      (await b.recv()).close();
      for (const one of [a, b, x, y]) one.close();`,
      { env },
    );
  });

  test('what does not fit keeps the program alive until it is read', async () => {
    await check(
      undefined,
      `const { spawn } = require('node:child_process');
      const [a, b] = SocketPipe();
      const slow = \`setTimeout(() => {
        const { Connection } = require('node-multiprocessing');
        const fs = require('node:fs');
        let total = 0;
        const buffer = Buffer.alloc(1 << 20);
        for (let n; (n = fs.readSync(3, buffer)) > 0; ) total += n;
        process.exitCode = total === (4 << 20) + 4 ? 0 : 1;
      }, 200)\`;
      const child = spawn(process.execPath, ['-e', slow], { stdio: ['ignore', 'inherit', 'inherit', b.fileno()], cwd: __dirname });
      b.close();
      child.unref();
      child.once('exit', (code) => assert.equal(code, 0));
      a.sendBytes(Buffer.alloc(4 << 20)).then(() => console.log('sent'));
      a.close();`,
      { env, timeoutMs: 20_000 },
    );
  });

  test('breaks, and nothing else does, when the memory of a message is taken away in its midst', async () => {
    await check(
      undefined,
      `const [a, b] = SocketPipe();
      const bytes = new Uint8Array(8 << 20);
      const sent = a.sendBytes(bytes);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      const received = b.recv();
      await assert.rejects(sent, { code: 'ERR_MP_STATE' });
      a.close();
      await assert.rejects(received, { code: 'ECONNRESET' });
      b.close();`,
      { env },
    );
  });

  test('goes to other processes between messages, and not in the midst of one', async () => {
    await check(
      undefined,
      `const [a, b] = SocketPipe();
      const [x, y] = SocketPipe();
      await a.send(x);
      x.close();
      const arrived = await b.recv();
      const sending = arrived.send(Buffer.alloc(8 << 20));
      await assert.rejects(a.send(arrived), { code: 'ERR_MP_SERIALIZATION', message: /middle of a message/ });
      await y.recv();
      await sending;
      await a.send(arrived);
      (await b.recv()).close();
      // A socket is no thing of shared memory.
      const [c] = Pipe();
      await assert.rejects(c.send(y), { code: 'ERR_MP_NOT_SUPPORTED', message: /kept by a socket/ });
      for (const one of [a, b, arrived, y, c]) one.close();`,
      { env },
    );
  });

  test('is closed by the garbage collector when nobody can reach it', async () => {
    await check(
      undefined,
      `const before = descriptors();
      await (async () => {
        for (let i = 0; i < 100; i++) {
          const [a, b] = SocketPipe();
          const received = b.recv();
          await a.send(SocketPipe());
          await received;
          await b.recv({ timeout: 0 }).catch(() => undefined);
        }
      })();
      await settle(() => descriptors() <= before + 1);`,
      { env },
    );
  });

  test('closes what came with a message that cannot be understood', async () => {
    await check(
      undefined,
      `class Unknown {}
      mp.registerReducer(Unknown, () => 0, () => { throw new Error('not here'); }, 'unknown');
      const [a, b] = SocketPipe();
      const [x, y] = SocketPipe();
      const before = descriptors();
      await (async () => {
        await a.send([x, new Unknown()]);
        await assert.rejects(b.recv(), { code: 'ERR_MP_SERIALIZATION' });
      })();
      await settle(() => descriptors() <= before + 1);
      for (const one of [a, b, x, y]) one.close();`,
      { env },
    );
  });
});
