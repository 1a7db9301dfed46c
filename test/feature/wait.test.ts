// wait() over connections, sentinels and sockets.
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { withAll } from '../fixtures/connection/waiting.js';
import { describeEach } from '../support/start-methods.js';

describeEach('wait()', (testCase) => {
  test('answers all that are ready, in the order given, and takes nothing', async () => {
    await check(
      testCase,
      withAll(`
      const pipes = Array.from({ length: 4 }, () => Pipe());
      const ends = pipes.map(([end]) => end);
      for (const i of [3, 1]) await pipes[i][1].send(i);
      for (let again = 0; again < 2; again++) {
        assert.deepEqual(await wait(new Set(ends)), [ends[1], ends[3]]);
        assert.deepEqual(await wait([...ends].reverse(), { timeout: 0 }), [ends[3], ends[1]]);
      }
      assert.equal(await ends[1].recv(), 1);
      assert.deepEqual(await wait(ends), [ends[3]]);
      assert.equal(await ends[3].recv(), 3);
      pipes[0][1].close();
      assert.deepEqual(await wait(ends), [ends[0]]);
      await assert.rejects(ends[0].recv(), { name: 'EndOfFileError' });
      close(...pipes);`),
    );
  });

  test('messages and the ends of processes, whichever comes first', async () => {
    await check(
      testCase,
      withAll(`
      const [here, echo] = await start(t.echo);
      const gone = new Process({ target: t.sleepFor, args: [50] });
      await gone.start();
      assert.deepEqual(await wait([here, echo.sentinel, gone.sentinel]), [gone.sentinel]);
      assert.equal(gone.sentinel.ready, true);
      assert.equal(await gone.join(), 0);
      const { sentinel } = gone;
      gone.close();
      const waiting = wait([echo.sentinel, here]);
      await here.send('hello');
      assert.deepEqual(await waiting, [here]);
      assert.deepEqual(await wait([here, sentinel, echo.sentinel]), [here, sentinel]);
      assert.equal(await here.recv(), 'hello');
      assert.deepEqual(await wait([echo.sentinel, here], { timeout: 20 }), []);
      here.close();
      assert.deepEqual(await wait([echo.sentinel]), [echo.sentinel]);
      assert.equal(await echo.join(), 0);
      assert.deepEqual(await wait([echo.sentinel], { timeout: 0 }), [echo.sentinel]);`),
    );
  });

  test('the death of the process at the other end is the end of its stream, and its sentinel is ready', async () => {
    await check(
      testCase,
      withAll(`
      const [here, child] = await start(t.sendAndStay, 'alive');
      assert.deepEqual(await wait([child.sentinel, here]), [here]);
      assert.equal(await here.recv(), 'alive');
      const waiting = wait([child.sentinel, here]);
      child.kill();
      const [first] = await waiting;
      assert.ok(first === here || first === child.sentinel);
      await child.join();
      await assert.rejects(here.recv(), { name: 'EndOfFileError' });
      assert.deepEqual(await wait([child.sentinel, here]), [child.sentinel, here]);
      here.close();`),
    );
  });

  test('a time, a signal, and nothing at all to wait for', async () => {
    await check(
      testCase,
      withAll(`
      const [a, b] = Pipe();
      const timed = async (least, ...given) => {
        const before = performance.now();
        assert.deepEqual(await wait(...given), []);
        assert.ok(performance.now() - before >= least - 1);
      };
      await timed(50, [a, b], { timeout: 50 });
      await timed(50, [], { timeout: 50 });
      await timed(0, []);
      await timed(0, [], { timeout: Infinity });
      await timed(0, [a], { timeout: 0 });

      const stop = new AbortController();
      const waiting = wait([a, b], { signal: stop.signal });
      await sleep(10);
      stop.abort(new Error('enough'));
      await assert.rejects(waiting, { message: 'enough' });
      await assert.rejects(wait([a], stop), { message: 'enough' });
      await assert.rejects(wait([], stop), { message: 'enough' });
      // What was given up took nothing along.
      await b.send(1);
      assert.deepEqual(await wait([a, b]), [a]);
      assert.equal(await a.recv(), 1);
      close([a, b]);`),
    );
  });

  test('leaves nothing behind: no listener, no waiter, and the program ends', async () => {
    await check(
      testCase,
      withAll(`
      process.on('warning', (warning) => assert.fail(warning));
      const [a, b] = Pipe();
      const [here, there] = await socketPair();
      const p = new Process({ target: t.sleepFor, args: [60_000], daemon: true });
      await p.start();
      const { signal } = new AbortController();
      const listeners = () => [here.eventNames().map((name) => [name, here.listenerCount(name)]), getEventListeners(signal, 'abort').length];
      const before = listeners();
      for (let i = 0; i < 100; i++) assert.deepEqual(await wait([a, p.sentinel, here], { timeout: i % 3, signal }), []);
      const waits = Array.from({ length: 20 }, () => wait([a, p.sentinel, here], { signal }));
      await b.send('last');
      for (const ready of await Promise.all(waits)) assert.deepEqual(ready, [a]);
      assert.deepEqual(listeners(), before);
      await sleep(1);
      assert.equal(here.readableFlowing, null);
      assert.equal(await a.recv(), 'last');
      close([a, b]);
      here.destroy();
      there.destroy();
      p.kill();
      await p.join();`),
    );
  });

  test('a pending wait keeps the event loop alive', async () => {
    await check(
      testCase,
      withAll(`
      const p = new Process({ target: t.sleepFor, args: [100], daemon: true });
      await p.start();
      let over = false;
      process.on('exit', () => assert.ok(over));
      assert.deepEqual(await wait([p.sentinel]), [p.sentinel]);
      over = true;`),
    );
  });

  test('a connection that is closed meanwhile ends it, and the others can be waited for', async () => {
    await check(
      testCase,
      withAll(`
      const [a, b] = Pipe();
      const [c, d] = Pipe();
      const waiting = wait([a, c]);
      await sleep(5);
      a.close();
      await assert.rejects(waiting, { name: 'ClosedError' });
      const again = wait([c]);
      await d.send(1);
      assert.deepEqual(await again, [c]);
      close([b], [c, d]);`),
    );
  });

  test('what another waiter takes meanwhile is not answered', async () => {
    await check(
      testCase,
      withAll(`
      const [a, b] = Pipe();
      const [c, d] = Pipe();
      const taken = a.recv();
      const waiting = wait([a, c], { timeout: 30_000 });
      await b.send('for recv');
      assert.equal(await taken, 'for recv');
      await d.send('for wait');
      assert.deepEqual(await waiting, [c]);
      assert.deepEqual(await wait([a], { timeout: 0 }), []);
      close([a, b], [c, d]);`),
    );
  });

  test('says what it cannot wait for', async () => {
    await check(
      testCase,
      withAll(`
      const [r, w] = Pipe({ duplex: false });
      const [a, b] = Pipe();
      b.close();
      for (const [objects, options, expected] of [
        [undefined, {}, TypeError], [a, {}, TypeError], [7, {}, TypeError], [[1], {}, TypeError], [[null], {}, TypeError], [[{}], {}, TypeError],
        [[a, r, a], {}, { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT', message: /^objects\\[2\\] must be .* not among them before/ }],
        [[a], { timeout: -1 }, RangeError], [[a], { timeout: NaN }, RangeError], [[a], { timeout: '1' }, TypeError], [[a], 5, TypeError],
        [[a], { signal: {} }, TypeError], [[a, b], {}, { name: 'ClosedError' }], [[w], {}, { name: 'StateError' }],
        [[net.createServer()], {}, { name: 'NotSupportedError', message: /events\\.once\\(server, 'connection'\\)/ }],
      ]) await assert.rejects(wait(objects, options), expected);
      close([r, w], [a]);`),
    );
  });

  test('sockets: with data, at their end, destroyed', async () => {
    await check(
      testCase,
      withAll(`
      const [here, there] = await socketPair();
      const [a, b] = Pipe();
      const waiting = wait([a, here]);
      there.write('text');
      assert.deepEqual(await waiting, [here]);
      assert.deepEqual(await wait([here, there], { timeout: 0 }), [here]);
      assert.equal(here.read().toString(), 'text');
      assert.deepEqual(await wait([here], { timeout: 10 }), []);
      assert.equal(here.listenerCount('readable'), 0);
      here.pause();
      assert.deepEqual(await wait([here], { timeout: 10 }), []);
      await sleep(1);
      assert.equal(here.isPaused(), true);
      there.write('more');
      assert.deepEqual(await wait([here, a]), [here]);
      assert.equal(here.read().toString(), 'more');
      there.end();
      assert.deepEqual(await wait([here]), [here]);
      assert.equal(here.read(), null);
      assert.equal(here.readableEnded, true);
      there.destroy();
      assert.deepEqual(await wait([there, here]), [there, here]);

      const [one, other] = await socketPair();
      other.on('data', () => undefined);
      await assert.rejects(wait([one, other]), { name: 'StateError', message: /read\\(\\)/ });
      one.destroy();
      other.destroy();
      close([a, b]);`),
    );
  });

  test('hundreds at once', async () => {
    await check(
      testCase,
      withAll(`
      const pipes = Array.from({ length: 300 }, () => Pipe());
      const ends = pipes.map(([end]) => end);
      for (const i of [250, 3, 299]) {
        const waiting = wait(ends);
        await pipes[i][1].send(i);
        assert.deepEqual(await waiting, [ends[i]]);
        assert.equal(await ends[i].recv(), i);
      }
      close(...pipes);`),
    );
  });

  test('works in a worker_thread', async () => {
    await check(
      testCase,
      withAll(`
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(\`
        const assert = require('node:assert/strict');
        const mp = require('node-multiprocessing');
        const t = require(\${JSON.stringify(targets)});
        (async () => {
          const [a, b] = mp.Pipe();
          const p = new mp.Process({ target: t.send, args: [b, 'from a child'] });
          await p.start();
          b.close();
          assert.deepEqual(await mp.wait([a]), [a]);
          assert.equal(await a.recv(), 'from a child');
          assert.deepEqual(await mp.wait([p.sentinel]), [p.sentinel]);
          if (process.env.MULTIPROCESSING_BACKEND === 'native')
            assert.deepEqual(mp.waitSync([a, p.sentinel]), [a, p.sentinel]);
          assert.equal(await p.join(), 0);
          a.close();
        })();\`, { eval: true });
      const [code] = await once(worker, 'exit');
      assert.equal(code, 0);`),
    );
  });
});
