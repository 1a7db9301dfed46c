// CPython's tests of multiprocessing.connection.wait (Lib/test/_test_multiprocessing.py), the original id in every title. Adapted
// means that the thing pinned down is the same and the means are Node's; different, that our outcome is another one on purpose.
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeConformance } from '../support/start-methods.js';

describeConformance('TestWait', (testCase) => {
  test('TestWait.test_wait', async () => {
    await check(testCase, overPipes(false));
  });

  test('TestWait.test_wait_slow', async () => {
    await check(testCase, overPipes(true));
  });

  test('TestWait.test_wait_socket (adapted: sockets of node:net in paused mode)', async () => {
    await check(testCase, overSockets(false));
  });

  test('TestWait.test_wait_socket_slow (adapted: sockets of node:net in paused mode)', async () => {
    await check(testCase, overSockets(true));
  });

  test('TestWait.test_wait_timeout', async () => {
    await check(
      testCase,
      `const timeout = 500;
      const [a, b] = Pipe();
      const before = performance.now();
      assert.deepEqual(await mp.wait([a, b], { timeout }), []);
      assert.ok(performance.now() - before >= timeout - 1);
      await b.send(null);
      assert.deepEqual(await mp.wait([a, b], { timeout: 20_000 }), [a]);
      a.close();
      b.close();`,
    );
  });

  test('TestWait.test_wait_integer (adapted: the sentinel is an object, not a number)', async () => {
    await check(
      testCase,
      `const expected = 500;
      const sem = new mp.Semaphore(0);
      const [a, b] = Pipe();
      const p = new Process({ target: t.signalAndSleep, args: [sem, expected] });
      await p.start();
      assert.equal(typeof p.sentinel, 'object');
      assert.equal(await sem.acquire({ timeout: 20_000 }), true);

      const before = performance.now();
      assert.deepEqual(await mp.wait([a, p.sentinel, b], { timeout: expected + 20_000 }), [p.sentinel]);
      assert.ok(performance.now() - before >= expected / 2);
      await a.send(null);
      assert.deepEqual(await mp.wait([a, p.sentinel, b], { timeout: 20_000 }), [p.sentinel, b]);
      await b.send(null);
      assert.deepEqual(await mp.wait([a, p.sentinel, b], { timeout: 20_000 }), [a, p.sentinel, b]);
      p.terminate();
      assert.equal(await p.join(), 0);
      a.close();
      b.close();`,
    );
  });

  test('TestWait.test_neg_timeout (different: a negative timeout is a RangeError here, as everywhere)', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      await assert.rejects(mp.wait([a], { timeout: -1 }), RangeError);
      assert.throws(() => mp.waitSync([a], { timeout: -1 }), RangeError);
      assert.deepEqual(await mp.wait([a], { timeout: 0 }), []);
      a.close();
      b.close();`,
    );
  });
});

function overPipes(slow: boolean): string {
  return `let readers = [];
    const procs = [];
    const messages = [];
    for (let i = 0; i < 4; i++) {
      const [r, w] = Pipe({ duplex: false });
      const p = new Process({ target: t.sendTen, args: [w, ${slow}], daemon: true });
      await p.start();
      w.close();
      readers.push(r);
      procs.push(p);
    }
    while (readers.length > 0) {
      for (const r of await mp.wait(readers)) {
        try {
          messages.push(await r.recv());
        } catch (error) {
          assert.equal(error.name, 'EndOfFileError');
          readers = readers.filter((other) => other !== r);
          r.close();
        }
      }
    }
    const text = ([i, pid]) => pid + ':' + i;
    const expected = procs.flatMap(({ pid }) => Array.from({ length: 10 }, (_, i) => [i, pid]));
    assert.deepEqual(messages.map(text).sort(), expected.map(text).sort());
    for (const p of procs) assert.equal(await p.join(), 0);`;
}

function overSockets(slow: boolean): string {
  return `const server = require('node:net').createServer().listen(0, '127.0.0.1');
    const accepted = [];
    const all = new Promise((resolve) => {
      server.on('connection', (socket) => { if (accepted.push(socket) === 4) resolve(); });
    });
    await require('node:events').once(server, 'listening');
    const procs = [];
    for (let i = 0; i < 4; i++) {
      const p = new Process({ target: t.sendTenBySocket, args: [server.address().port, ${slow}], daemon: true });
      await p.start();
      procs.push(p);
    }
    await all;
    server.close();

    let readers = [...accepted];
    const received = new Map(readers.map((socket) => [socket, '']));
    while (readers.length > 0) {
      for (const socket of await mp.wait(readers)) {
        const bytes = socket.read();
        if (bytes !== null) received.set(socket, received.get(socket) + bytes);
        else {
          assert.equal(socket.readableEnded, true);
          readers = readers.filter((other) => other !== socket);
          socket.destroy();
        }
      }
    }
    const expected = Array.from({ length: 10 }, (_, i) => i + '\\n').join('');
    assert.deepEqual([...received.values()], [expected, expected, expected, expected]);
    for (const p of procs) assert.equal(await p.join(), 0);`;
}
