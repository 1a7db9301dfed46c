// CPython's tests of multiprocessing.connection.wait (Lib/test/_test_multiprocessing.py), the original id in every title.
//
// Not yet: sockets as objects to wait for (TestWait.test_wait_socket, test_wait_socket_slow).
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeEach } from '../support/start-methods.js';

const collectAll = (slow: boolean): string => `
  const readers = [];
  const processes = [];
  for (let i = 0; i < 4; i++) {
    const [r, w] = Pipe({ duplex: false });
    const p = new Process({ target: t.sendTen, args: [w, ${slow}], daemon: true });
    await p.start();
    w.close();
    readers.push(r);
    processes.push(p);
  }
  const open = new Set(readers);
  const messages = [];
  while (open.size > 0) {
    for (const r of await mp.wait(open)) {
      try {
        messages.push(await r.recv());
      } catch (error) {
        assert.equal(error.name, 'EndOfFileError');
        open.delete(r);
        r.close();
      }
    }
  }
  const byText = (one, other) => (String(one) < String(other) ? -1 : 1);
  const expected = processes.flatMap((p) => Array.from({ length: 10 }, (_, i) => [i, p.pid]));
  assert.deepEqual(messages.sort(byText), expected.sort(byText));
  for (const p of processes) assert.equal(await p.join(), 0);`;

describeEach('TestWait', (testCase) => {
  test('TestWait.test_wait', async () => {
    await check(testCase, collectAll(false));
  });

  test('TestWait.test_wait_slow', async () => {
    await check(testCase, collectAll(true));
  });

  test('TestWait.test_wait_timeout', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      const before = performance.now();
      assert.deepEqual(await mp.wait([a, b], { timeout: 500 }), []);
      assert.ok(performance.now() - before >= 499);
      await b.send(null);
      assert.deepEqual(await mp.wait([a, b], { timeout: 20_000 }), [a]);
      a.close();
      b.close();`,
    );
  });

  test('TestWait.test_wait_integer', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      const [line, p] = await start(t.sleepBehind, 1000);
      assert.equal(await line.recv(), 'sleeping');
      const started = performance.now();
      assert.deepEqual(await mp.wait([a, p.sentinel, b], { timeout: 30_000 }), [p.sentinel]);
      assert.ok(performance.now() - started >= 500);
      await a.send(null);
      assert.deepEqual(await mp.wait([a, p.sentinel, b], { timeout: 20_000 }), [p.sentinel, b]);
      await b.send(null);
      assert.deepEqual(await mp.wait([a, p.sentinel, b], { timeout: 20_000 }), [a, p.sentinel, b]);
      await p.join();
      for (const one of [a, b, line]) one.close();`,
    );
  });

  test('TestWait.test_neg_timeout (different: a negative timeout is a RangeError here, as everywhere)', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      await assert.rejects(mp.wait([a], { timeout: -1 }), RangeError);
      assert.deepEqual(await mp.wait([a], { timeout: 0 }), []);
      a.close();
      b.close();`,
    );
  });
});

describeEach('_TestConnection', (testCase) => {
  test('_TestConnection.test_wait_empty', async () => {
    await check(
      testCase,
      `const before = performance.now();
      assert.deepEqual(await mp.wait([], { timeout: 500 }), []);
      assert.ok(performance.now() - before >= 499);`,
    );
  });
});
