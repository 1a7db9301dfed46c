// The life of a process: what it is told, what it is called, how it ends, and what its parent sees of it.
import { expect, test } from 'vitest';
import { check, fixture, program, run } from '../fixtures/process/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('Process', (testCase) => {
  test('runs a target with its arguments, and ends with 0', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const given = [1, 'two', { three: [3n, new Map([[4, new Date(4)]])] }, Buffer.from('five'), undefined, null, NaN];
      const p = new Process({ target: t.sendSelf, args: [sender, ...given] });
      assert.equal(p.pid, undefined);
      assert.equal(p.exitCode, null);
      assert.equal(p.signalCode, null);
      await p.start();
      assert.equal(typeof p.pid, 'number');
      const self = await receiver.recv();
      assert.deepEqual(self.args, given);
      assert.equal(self.osPid, p.pid);
      assert.equal(self.pid, p.pid);
      assert.equal(self.ppid, process.pid);
      assert.equal(self.alive, true);
      assert.equal(self.exitCode, null);
      assert.equal(self.same, true);
      assert.equal(self.children, 0);
      assert.equal(self.startMethod, method);
      assert.deepEqual(self.argv.slice(1), process.argv.slice(1));
      assert.equal(self.shown, \`<Process name='Process-1' pid=\${p.pid} parent=\${process.pid} started>\`);
      assert.equal(await p.join(), 0);
      assert.equal(p.exitCode, 0);
      assert.equal(p.signalCode, null);`,
      { args: ['some', '--arguments'] },
    );
  });

  test('what its owner changes after start() was called does not reach the child', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const value = { at: 'start' };
      const p = new Process({ target: t.send, args: [sender, value] });
      value.at = 'before start';
      const started = p.start();
      // Under fork the child has what is there when the fork happens, a turn of the loop later.
      if (method !== 'fork') value.at = 'after start';
      await started;
      assert.deepEqual(await receiver.recv(), { at: 'before start' });
      await p.join();`,
    );
  });

  test('is named by its class and its place in the family', async () => {
    await check(
      testCase,
      `class Special extends Process {}
      assert.equal(new Process().name, 'Process-1');
      assert.equal(new Special().name, 'Special-2');
      assert.equal(new Process({ name: '' }).name, 'Process-3');
      assert.equal(new Process({ name: 'mine' }).name, 'mine');
      assert.equal(currentProcess().name, 'MainProcess');
      currentProcess().name = 'renamed';
      const [receiver, sender] = Pipe({ duplex: false });
      for (const daemon of [false, true]) {
        const p = new Process({ target: t.family, args: [sender, { daemon, ms: 10, await: true }], name: 'x' });
        p.name = 'label only';
        await p.start();
        const grandchild = await receiver.recv();
        assert.equal(grandchild.name, daemon ? 'Process-6:1' : 'Process-5:1');
        assert.equal(await p.join(), 0);
        assert.equal(p.name, 'label only');
      }
      const p = new Process({ target: t.sendSelf, args: [sender] });
      await p.start();
      assert.equal((await receiver.recv()).parent.name, 'renamed');
      await p.join();
      assert.throws(() => { p.name = 7; }, TypeError);`,
    );
  });

  test('a daemon may not have children, and children inherit the flag', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const p = new Process({ target: t.tryStart, args: [sender], daemon: true });
      await p.start();
      assert.match(await receiver.recv(), /StateError: .*daemonic/);
      await p.join();
      assert.throws(() => { p.daemon = false; }, code('ERR_MP_STATE'));
      assert.throws(() => { currentProcess().daemon = true; }, code('ERR_MP_STATE'));`,
    );
  });

  test('the key of the family comes from the creator, at construction', async () => {
    await check(
      testCase,
      `assert.equal(currentProcess().authKey.length, 32);
      const before = new Process();
      currentProcess().authKey = Buffer.from('another key');
      const p = new Process();
      p.authKey.fill(0);
      assert.equal(Buffer.from(p.authKey).toString(), 'another key');
      assert.equal(before.authKey.length, 32);
      assert.ok(!JSON.stringify(p).includes('key') && !util(p).includes('key') && !('authKey' in { ...p }));
      assert.throws(() => { p.authKey = 'text'; }, TypeError);
      const [here, there] = Pipe();
      await here.send({ key: p.authKey });
      assert.equal(Buffer.from((await there.recv()).key).toString(), 'another key');
      function util(value) { return require('node:util').inspect(value, { showHidden: true }); }`,
    );
  });

  test('join: null when the time has passed first, an abort rejects, several at once', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.sleepFor, args: [60_000], daemon: true });
      await p.start();
      const startedAt = performance.now();
      assert.equal(await p.join({ timeout: 100 }), null);
      assert.ok(performance.now() - startedAt >= 99);
      assert.equal(await p.join({ timeout: 0 }), null);
      const reason = new Error('enough');
      const abort = new AbortController();
      const aborted = p.join({ signal: abort.signal });
      abort.abort(reason);
      await assert.rejects(aborted, (error) => error === reason);
      await assert.rejects(p.join({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
      await assert.rejects(p.join({ timeout: NaN }), RangeError);
      await assert.rejects(p.join({ timeout: '1' }), TypeError);
      await assert.rejects(p.join(100), TypeError);
      const joins = [p.join(), p.join({ timeout: 1e9 }), p.join({ timeout: Infinity })];
      p.kill();
      assert.deepEqual(await Promise.all(joins), [-9, -9, -9]);
      assert.equal(await p.join({ timeout: 0 }), -9);
      assert.equal(p.signalCode, 'SIGKILL');`,
    );
  });

  test('join without awaiting start() waits for both', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.exitWith, args: [3] });
      void p.start();
      assert.equal(await p.join(), 3);`,
    );
  });

  test('joinSync blocks until the end or the timeout', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.busy, args: [60_000] });
      await p.start();
      if (backend === 'fallback') {
        assert.throws(() => p.joinSync(), code('ERR_MP_NOT_SUPPORTED'));
        p.kill();
        await p.join();
        return;
      }
      assert.equal(p.joinSync({ timeout: 0 }), null);
      const startedAt = performance.now();
      assert.equal(p.joinSync({ timeout: 100 }), null);
      assert.ok(performance.now() - startedAt >= 99);
      p.terminate();
      assert.equal(p.joinSync(), -15);
      assert.equal(p.exitCode, -15);
      assert.deepEqual(activeChildren(), []);
      assert.equal(await p.join(), -15);
      assert.throws(() => p.joinSync({ timeout: -1 }), RangeError);`,
    );
  });

  test('signals that the child listens to reach it', async () => {
    await check(
      testCase,
      `for (const [verb, expected] of [['terminate', 11], ['interrupt', 12]]) {
        const [receiver, sender] = Pipe({ duplex: false });
        const p = new Process({ target: t.listenToSignals, args: [sender] });
        await p.start();
        await receiver.recv();
        p[verb]();
        assert.equal(await p.join(), expected);
      }`,
    );
  });

  test('terminate right after start ends it all the same', async () => {
    await check(
      testCase,
      `for (const verb of ['terminate', 'kill', 'interrupt']) {
        const p = new Process({ target: t.sleepFor, args: [60_000] });
        await p.start();
        p[verb]();
        p[verb]();
        assert.ok((await p.join()) < 0);
        p[verb]();
      }`,
    );
  });

  test('the sentinel tells the end once, also late, and outlives close()', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.nothing });
      await p.start();
      const { sentinel } = p;
      assert.equal(p.sentinel, sentinel);
      let told = 0;
      sentinel.onReady(() => told++);
      sentinel.onReady(() => assert.fail('taken back'))();
      await p.join();
      await sleep(5);
      assert.equal(told, 1);
      sentinel.onReady(() => told++);
      await sleep(5);
      assert.equal(told, 2);
      p.close();
      assert.equal(sentinel.ready, true);`,
    );
  });

  test('after close() almost everything is an error; close() itself is not', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.nothing, name: 'gone' });
      await p.start();
      await p.join();
      p.close();
      p.close();
      for (const use of [() => p.exitCode, () => p.signalCode, () => p.pid, () => p.sentinel, () => p.isAlive(), () => p.terminate(),
        () => p.kill(), () => p.interrupt(), () => p.joinSync(), () => p.stdout, () => p.stderr]) {
        assert.throws(use, code('ERR_MP_CLOSED'), String(use));
      }
      await assert.rejects(p.join(), code('ERR_MP_CLOSED'));
      await assert.rejects(p.start(), code('ERR_MP_CLOSED'));
      assert.equal(p.name, 'gone');
      assert.match(require('node:util').inspect(p), /^<Process name='gone' parent=\\d+ closed>$/);
      const never = new Process();
      never.close();
      await assert.rejects(never.start(), code('ERR_MP_CLOSED'));`,
    );
  });

  test('await using ends it, waits and closes', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.sleepFor, args: [60_000] });
      await p.start();
      const { sentinel } = p;
      await p[Symbol.asyncDispose]();
      assert.equal(sentinel.ready, true);
      assert.throws(() => p.exitCode, code('ERR_MP_CLOSED'));
      await p[Symbol.asyncDispose]();
      await new Process()[Symbol.asyncDispose]();`,
    );
  });

  test('is shown as Python shows it', async () => {
    await check(
      testCase,
      `const { inspect } = require('node:util');
      const p = new Process({ target: t.sleepFor, args: [60_000], name: "it's", daemon: true });
      const parent = \`parent=\${process.pid}\`;
      assert.equal(inspect(p), \`<Process name="it's" \${parent} initial daemon>\`);
      await p.start();
      assert.equal(inspect(p), \`<Process name="it's" pid=\${p.pid} \${parent} started daemon>\`);
      p.kill();
      await p.join();
      assert.equal(inspect(p), \`<Process name="it's" pid=\${p.pid} \${parent} stopped exitCode=-SIGKILL daemon>\`);
      assert.equal(inspect(currentProcess()), "<MainProcess name='MainProcess' parent=none started>");`,
    );
  });

  test('run() called directly runs here', async () => {
    await check(
      testCase,
      `let ran = 0;
      const p = new Process({ target: (n) => { ran += n; return 'result'; }, args: [2] });
      assert.equal(p.run(), 'result');
      assert.equal(ran, 2);
      assert.equal(new Process().run(), undefined);`,
    );
  });

  test('a subclass brings its class and its fields', async () => {
    await check(
      testCase,
      `const p = new t.UpperCaser({ name: 'shouter' });
      await p.start();
      assert.equal(await p.submit('x'), 'X');
      await p.stop();
      assert.equal(await p.join(), 0);
      const { SpawnProcess } = { SpawnProcess: mp.getContext('spawn').Process };
      assert.ok(new SpawnProcess() instanceof Process);
      assert.match(new SpawnProcess().name, /^SpawnProcess-\\d+$/);`,
    );
  });

  test('a process object cannot be sent', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      await assert.rejects(sender.send({ p: new Process() }), (error) =>
        error.code === 'ERR_MP_SERIALIZATION' && error.path.endsWith('.p') && /process/.test(error.message));`,
    );
  });

  test('many at once, none left', async () => {
    await check(
      testCase,
      `const N = method === 'fork' ? 30 : 6;
      const all = Array.from({ length: N }, (_, i) => new Process({ target: t.exitWith, args: [i] }));
      await Promise.all(all.map((p) => p.start()));
      assert.deepEqual(activeChildren().length <= N, true);
      assert.deepEqual(await Promise.all(all.map((p) => p.join())), all.map((_, i) => i));
      assert.deepEqual(activeChildren(), []);
      if (process.platform === 'linux') {
        const own = fs.readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8');
        assert.equal(own, '', 'zombies');
      }`,
    );
  });
});

describeEach(
  'The descriptors of the parent',
  (testCase) => {
    test('are given up at the end of the child, without close()', async () => {
      await check(
        testCase,
        `const N = method === 'fork' ? 50 : 5;
        const count = () => fs.readdirSync('/proc/self/fd').length;
        const one = async () => {
          const p = new Process({ target: t.nothing, stdout: 'ignore', stderr: path.join(os.tmpdir(), 'x' + process.pid) });
          await p.start();
          return p;
        };
        const first = await one();
        await first.join();
        const before = count();
        const kept = [];
        for (let i = 0; i < N; i++) {
          kept.push(await one());
          if (i % 2) await kept.at(-1).join();
          else while (kept.at(-1).isAlive()) await sleep(1);
        }
        assert.ok(count() <= before + 1, before + ' -> ' + count());
        fs.rmSync(path.join(os.tmpdir(), 'x' + process.pid));`,
      );
    });
  },
  () => process.platform === 'linux',
);

describeEach('A process started by another kind of main program', (testCase) => {
  test('an ES module with its own exports and guard', async () => {
    const result = await testCase.run({ file: fixture('main.mjs') });
    expect(result).toMatchObject({ code: 0, stderr: '', stdout: 'hello from Process-1\n' });
  });

  test('a CommonJS module with its own exports and guard, whose target starts a process', async () => {
    const result = await testCase.run({ file: fixture('guarded.cjs') });
    expect(result).toMatchObject({ code: 0, stderr: '', stdout: 'leaf\nwork\n' });
  });

  test('node --eval, with a self-contained target', async () => {
    const evaluated = program(
      `const p = new Process({ target: () => process.exit(7) });
      await p.start();
      assert.equal(await p.join(), 7);
      console.log('done');`,
    ).replace('if (require.main === module) main();', 'main();');
    const stdout = await check(
      testCase,
      `const { spawnSync } = require('node:child_process');
      const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', ${JSON.stringify(evaluated)}], { cwd: __dirname, encoding: 'utf8' });
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'done\\n', stderr: '' });`,
    );
    expect(stdout).toBe('');
  });

  test('a worker thread, where fork is not possible', async () => {
    const result = await run(
      testCase,
      `const { Worker } = require('node:worker_threads');
      const worker = new Worker(
        \`const mp = require('node-multiprocessing');
        const assert = require('node:assert/strict');
        assert.deepEqual(mp.getAllStartMethods(), ['spawn']);
        assert.throws(() => mp.getContext('fork'), mp.ForkUnavailableError);
        const p = new mp.Process({ target: () => process.exit(4) });
        const left = new mp.Process({ target: () => console.log('left alone, and waited for') });
        p.start().then(() => p.join()).then((code) => { assert.equal(code, 4); return left.start(); });\`,
        { eval: true },
      );
      worker.on('error', (error) => { throw error; });
      await new Promise((resolve) => worker.on('exit', resolve));`,
    );
    expect(result).toMatchObject({ code: 0, stdout: 'left alone, and waited for\n' });
  });
});
