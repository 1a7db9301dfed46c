// wait(): whichever of several connections and processes is ready first.
import { describe, test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('wait()', (testCase) => {
  test('answers all that are ready, in the order given, and takes nothing from them', async () => {
    await check(
      testCase,
      `const [a, p] = await start(t.send, 'from a');
      const [b, q] = await start(t.echo);
      const [c, r] = await start(t.send);
      await Promise.all([p.join(), r.join()]);
      assert.deepEqual(await mp.wait([c, b, a, q.sentinel, p.sentinel]), [c, a, p.sentinel]);
      assert.deepEqual(await mp.wait(new Set([a, b])), [a]);
      assert.equal(await a.recv(), 'from a');
      await assert.rejects(a.recv(), { code: 'ERR_MP_END_OF_FILE' });
      await b.send('echo');
      assert.deepEqual(await mp.wait([b, q.sentinel]), [b]);
      assert.equal(await b.recv(), 'echo');
      b.close();
      assert.deepEqual(await mp.wait([q.sentinel]), [q.sentinel]);
      assert.equal(await q.join(), 0);`,
    );
  });

  test('the timeout, and what becomes ready after it', async () => {
    await check(
      testCase,
      `const [a, p] = await start(t.echo);
      assert.deepEqual(await mp.wait([a, p.sentinel], { timeout: 0 }), []);
      const before = performance.now();
      assert.deepEqual(await mp.wait([a, p.sentinel], { timeout: 60 }), []);
      assert.ok(performance.now() - before >= 59);
      await a.send(1);
      assert.deepEqual(await mp.wait([a], { timeout: 30_000 }), [a]);
      assert.equal(await a.recv(), 1);
      a.close();
      await p.join();`,
    );
  });

  test('a process that is killed, and the end of its pipe', async () => {
    await check(
      testCase,
      `const [a, p] = await start(t.sendAndStay, 'ready');
      await a.recv();
      const ended = mp.wait([p.sentinel]);
      const closed = mp.wait([a]);
      p.kill();
      assert.deepEqual(await ended, [p.sentinel]);
      assert.deepEqual(await closed, [a]);
      assert.equal(await p.join(), -9);
      await assert.rejects(a.recv(), { code: 'ERR_MP_END_OF_FILE' });`,
    );
  });

  test('a signal ends it, and no trace is left of it', async () => {
    await check(
      testCase,
      `const [a, p] = await start(t.echo);
      const controller = new AbortController();
      const waiting = mp.wait([a, p.sentinel], { signal: controller.signal });
      const reason = new Error('enough');
      setTimeout(() => controller.abort(reason), 10);
      await assert.rejects(waiting, reason);
      await assert.rejects(mp.wait([a], { signal: controller.signal }), reason);
      await a.send('still there');
      assert.equal(await a.recv(), 'still there');
      a.close();
      await p.join();`,
    );
  });

  test('one that is closed meanwhile, before, or only sends', async () => {
    await check(
      testCase,
      `const [a, b] = Pipe();
      const [reader, writer] = Pipe({ duplex: false });
      const waiting = assert.rejects(mp.wait([reader, a]), { code: 'ERR_MP_CLOSED' });
      setTimeout(() => a.close(), 10);
      await waiting;
      await assert.rejects(mp.wait([reader, a]), { code: 'ERR_MP_CLOSED' });
      await assert.rejects(mp.wait([writer]), { code: 'ERR_MP_STATE' });
      writer.close();
      assert.deepEqual(await mp.wait([reader]), [reader]);
      b.close();
      reader.close();`,
    );
  });

  test('hundreds of connections, over and over: the one that is ready, and no warning', async () => {
    await check(
      testCase,
      `const pipes = [];
      for (let i = 0; i < 300; i++) pipes.push(Pipe());
      const readers = pipes.map(([reader]) => reader);
      for (let turn = 0; turn < 20; turn++) {
        const [reader, writer] = pipes[(turn * 97) % pipes.length];
        const waiting = mp.wait(readers);
        await writer.send(turn);
        assert.deepEqual(await waiting, [reader]);
        assert.equal(await reader.recv(), turn);
      }
      for (const end of pipes.flat()) end.close();`,
    );
  });
});

describe('wait()', () => {
  test('of nothing, and of what cannot be waited for', async () => {
    await check(
      undefined,
      `const [a, b] = Pipe();
      assert.deepEqual(await mp.wait([]), []);
      const before = performance.now();
      assert.deepEqual(await mp.wait([], { timeout: 30 }), []);
      assert.ok(performance.now() - before >= 29);
      const wrong = { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT' };
      for (const objects of [undefined, null, 1, 'ab', {}, a, [a, 5], [null], [{}], [new Process()]]) {
        await assert.rejects(mp.wait(objects), wrong);
      }
      await assert.rejects(mp.wait([a, 5]), /objects\\[1\\] must be a Connection or a Process's sentinel, got 5/);
      for (const timeout of [-1, NaN]) await assert.rejects(mp.wait([a], { timeout }), RangeError);
      await assert.rejects(mp.wait([a], { timeout: '1' }), wrong);
      await assert.rejects(mp.wait([a], { signal: {} }), wrong);
      await assert.rejects(mp.wait([a], 5), wrong);
      a.close();
      b.close();`,
    );
  });
});
