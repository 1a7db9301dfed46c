// CPython's tests of processes (Lib/test/_test_multiprocessing.py), the original id in every title. Adapted means that the
// thing pinned down is the same and the means are Node's; different, that our outcome is another one on purpose.
import { expect, test } from 'vitest';
import { check, run } from '../fixtures/process/programs.js';
import { describeConformance, when } from '../support/start-methods.js';

describeConformance('_TestProcess', (testCase) => {
  test('_TestProcess.test_current', async () => {
    await check(
      testCase,
      `const current = currentProcess();
      assert.equal(current.isAlive(), true);
      assert.equal(current.daemon, false);
      assert.ok(current.authKey instanceof Uint8Array && current.authKey.length > 0);
      assert.equal(current.pid, process.pid);
      assert.equal(current.exitCode, null);`,
    );
  });

  test('_TestProcess.test_set_executable (adapted: process.execPath is what children run)', async () => {
    await check(
      testCase,
      `const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'exe-'));
      const link = path.join(folder, 'another-node');
      fs.symlinkSync(process.execPath, link);
      process.execPath = link;
      try {
        const p = new Process();
        await p.start();
        assert.equal(await p.join(), 0);
      } finally {
        fs.rmSync(folder, { recursive: true });
      }`,
    );
  });

  test('_TestProcess.test_args_argument', async () => {
    await check(
      testCase,
      `for (const value of [1, 'str', [1], new Set([1])]) {
        for (const makeArgs of [(...args) => args, (...args) => new Set(args), function* (...args) { yield* args; }]) {
          const [receiver, sender] = Pipe({ duplex: false });
          const p = new Process({ target: t.send, args: makeArgs(sender, value), daemon: true });
          await p.start();
          assert.deepEqual(await receiver.recv(), value);
          await p.join();
          sender.close();
          receiver.close();
        }
      }`,
    );
  });

  test('_TestProcess.test_daemon_argument', async () => {
    await check(
      testCase,
      `assert.equal(new Process({ target: t.nothing }).daemon, currentProcess().daemon);
      assert.equal(new Process({ target: t.nothing, daemon: true }).daemon, true);
      assert.equal(new Process({ target: t.nothing, daemon: false }).daemon, false);`,
    );
  });

  test('_TestProcess.test_parent_process_attributes', async () => {
    await check(
      testCase,
      `assert.equal(parentProcess(), null);
      const [receiver, sender] = Pipe({ duplex: false });
      const p = new Process({ target: t.sendSelf, args: [sender] });
      await p.start();
      await p.join();
      const { parent } = await receiver.recv();
      assert.equal(parent.pid, currentProcess().pid);
      assert.equal(parent.pid, process.pid);
      assert.equal(parent.name, currentProcess().name);`,
    );
  });

  test('_TestProcess.test_parent_process (different: a child of ours ends with its parent)', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const p = new Process({ target: t.makeGrandchild, args: [sender] });
      await p.start();
      sender.close();
      const grandchild = await receiver.recv();
      assert.equal(grandchild.alive, true);
      p.terminate();
      await p.join();
      // Its end of the pipe was the last one: the end of the stream is the end of the grandchild.
      await assert.rejects(receiver.recv({ timeout: 10_000 }), code('ERR_MP_END_OF_FILE'));`,
    );
  });

  test('_TestProcess.test_process', async () => {
    await check(
      testCase,
      `const [ours, theirs] = Pipe();
      const options = { hello: 23, bye: 2.54 };
      const p = new Process({ target: t.sendSelfAndWait, args: [theirs, 1, 2, options], name: 'SomeProcess' });
      p.daemon = true;
      const current = currentProcess();
      assert.deepEqual(p.authKey, current.authKey);
      assert.equal(p.isAlive(), false);
      assert.equal(p.daemon, true);
      assert.ok(!activeChildren().includes(p));
      assert.ok(Array.isArray(activeChildren()));
      assert.equal(p.exitCode, null);

      await p.start();
      assert.equal(p.exitCode, null);
      assert.equal(p.isAlive(), true);
      assert.ok(activeChildren().includes(p));

      const self = await ours.recv();
      assert.deepEqual(self.args, [1, 2, options]);
      assert.equal(self.name, p.name);
      assert.deepEqual(self.authKey, current.authKey);
      assert.equal(self.pid, p.pid);

      await ours.send('end');
      await p.join();
      assert.equal(p.exitCode, 0);
      assert.equal(p.isAlive(), false);
      assert.ok(!activeChildren().includes(p));`,
    );
  });

  test('_TestProcess.test_process_mainthread_native_id (adapted: on Linux the main thread has the process number)', async () => {
    await check(
      testCase,
      `if (process.platform !== 'linux') return;
      const [receiver, sender] = Pipe({ duplex: false });
      const p = new Process({ target: t.sendSelf, args: [sender] });
      await p.start();
      const self = await receiver.recv();
      await p.join();
      assert.notEqual(self.osPid, process.pid);
      assert.equal(self.osPid, p.pid);`,
    );
  });

  // A Node program without a SIGINT handler is ended by the signal, where Python raises KeyboardInterrupt and exits with 1.
  for (const id of ['test_interrupt (different: -SIGINT, not 1)', 'test_interrupt_no_handler']) {
    test(`_TestProcess.${id}`, async () => {
      await check(testCase, killProgram('interrupt', 'SIGINT'));
    });
  }

  test('_TestProcess.test_terminate (adapted: a negative timeout is a RangeError here, as everywhere)', async () => {
    await check(testCase, killProgram('terminate', 'SIGTERM'));
  });

  test('_TestProcess.test_kill (adapted: a negative timeout is a RangeError here, as everywhere)', async () => {
    await check(testCase, killProgram('kill', 'SIGKILL'));
  });

  test('_TestProcess.test_cpu_count', async () => {
    await check(testCase, `assert.ok(Number.isInteger(mp.cpuCount()) && mp.cpuCount() >= 1);`);
  });

  test('_TestProcess.test_active_children', async () => {
    await check(
      testCase,
      `assert.ok(Array.isArray(activeChildren()));
      assert.notEqual(activeChildren(), activeChildren());
      const p = new Process({ target: t.sleepFor, args: [100], daemon: true });
      assert.ok(!activeChildren().includes(p));
      await p.start();
      assert.ok(activeChildren().includes(p));
      await p.join();
      assert.ok(!activeChildren().includes(p));`,
    );
  });

  test('_TestProcess.test_recursion', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      await t.recurse(sender, []);
      sender.close();
      const result = [];
      for (;;) {
        try {
          result.push(await receiver.recv());
        } catch (error) {
          code('ERR_MP_END_OF_FILE')(error);
          break;
        }
      }
      assert.deepEqual(result, [[], [0], [0, 0], [0, 1], [1], [1, 0], [1, 1]]);`,
    );
  });

  test('_TestProcess.test_sentinel (adapted: an object, not a number)', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const p = new Process({ target: t.untilMessage, args: [receiver] });
      assert.throws(() => p.sentinel, code('ERR_MP_STATE'));
      await p.start();
      const { sentinel } = p;
      assert.equal(sentinel.ready, false);
      await sender.send('go');
      await p.join();
      assert.equal(sentinel.ready, true);`,
    );
  });

  test('_TestProcess.test_close', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      let p = new Process({ target: t.untilMessage, args: [receiver], daemon: true });
      await p.start();
      assert.equal(p.isAlive(), true);
      assert.throws(() => p.close(), code('ERR_MP_STATE'));

      await sender.send(null);
      await p.join();
      assert.equal(p.isAlive(), false);
      assert.equal(p.exitCode, 0);
      p.close();
      assert.throws(() => p.isAlive(), code('ERR_MP_CLOSED'));
      await assert.rejects(p.join(), code('ERR_MP_CLOSED'));
      assert.throws(() => p.terminate(), code('ERR_MP_CLOSED'));
      p.close();

      const gone = new WeakRef(p);
      p = undefined;
      await collected(gone);`,
      { nodeArgs: ['--expose-gc'] },
    );
  });

  test('_TestProcess.test_many_processes', async () => {
    await check(
      testCase,
      `const N = method === 'spawn' ? 5 : 100;
      const make = (ms) => Array.from({ length: N }, () => new Process({ target: t.sleepFor, args: [ms] }));
      let processes = make(10);
      for (const p of processes) await p.start();
      for (const p of processes) assert.equal(await p.join(), 0);

      processes = make(100_000);
      for (const p of processes) await p.start();
      await sleep(1);
      for (const p of processes) p.terminate();
      for (const p of processes) assert.equal(await p.join(), -os.constants.signals.SIGTERM);`,
      { timeoutMs: 60_000 },
    );
  });

  test('_TestProcess.test_lose_target_ref', async () => {
    await check(
      testCase,
      `let target = () => 5;
      let argument = { some: 'argument' };
      const gone = [new WeakRef(target), new WeakRef(argument)];
      const p = new Process({ target, args: [argument] });
      target = argument = undefined;
      await p.start();
      await p.join();
      for (const ref of gone) await collected(ref);
      assert.equal(p.exitCode, 0);`,
      { nodeArgs: ['--expose-gc'] },
    );
  });

  when(!(testCase.method === 'fork' || process.platform !== 'linux'))(
    '_TestProcess.test_child_fd_inflation',
    async () => {
      await check(
        testCase,
        `const [receiver, sender] = Pipe({ duplex: false });
        // What a parent gives to a child of the fallback are sockets. Others come and go while its guard starts.
        const kind = backend === 'fallback' ? 'socket' : '';
        const children = [];
        for (let i = 0; i < 5; i++) {
          const [release, releaser] = Pipe({ duplex: false });
          const p = new Process({ target: t.countDescriptors, args: [sender, release, kind] });
          await p.start();
          release.close();
          children.push({ p, releaser });
        }
        const counts = new Set();
        for (let i = 0; i < 5; i++) counts.add(await receiver.recv());
        for (const { p, releaser } of children) {
          await releaser.send('go');
          assert.equal(await p.join(), 0);
        }
        assert.equal(counts.size, 1, [...counts].join());`,
      );
    },
  );

  test('_TestProcess.test_wait_for_threads (different: the child waits for what run() returns, not for the whole event loop)', async () => {
    await check(
      testCase,
      `const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wait-'));
      const [awaited, left] = ['awaited', 'left'].map((name) => path.join(folder, name));
      for (const [target, file] of [[t.waitForOwnWork, awaited], [t.leaveWorkBehind, left]]) {
        const p = new Process({ target, args: [file] });
        await p.start();
        assert.equal(await p.join(), 0);
      }
      await sleep(500);
      assert.deepEqual(fs.readdirSync(folder), ['awaited']);
      fs.rmSync(folder, { recursive: true });`,
    );
  });

  for (const name of ['stdout', 'stderr']) {
    test(`_TestProcess.test_error_on_stdio_flush_1 (adapted: the parent's ${name} is destroyed or its descriptor closed)`, async () => {
      for (const how of ['destroy', 'end', 'closeDescriptor']) {
        const { code } = await run(
          testCase,
          `t.breakStream('${name}', '${how}');
          const p = new Process({ target: t.nothing });
          await p.start();
          process.exit((await p.join()) === 0 ? 42 : 1);`,
        );
        expect({ how, code }).toEqual({ how, code: 42 });
      }
    });

    test(`_TestProcess.test_error_on_stdio_flush_2 (adapted: the child destroys its own ${name})`, async () => {
      await check(
        testCase,
        `for (const how of ['destroy', 'end', 'closeDescriptor']) {
          const p = new Process({ target: t.breakStream, args: ['${name}', how] });
          await p.start();
          assert.equal(await p.join(), 0, how);
        }`,
      );
    });
  }
});

/** CPython's _kill_process. A join of less than no time is a RangeError here; there it returns at once. */
function killProgram(verb: string, signal: string): string {
  return `const p = new Process({ target: t.sleepFor, args: [100_000], daemon: true });
    await p.start();
    assert.equal(p.isAlive(), true);
    assert.ok(activeChildren().includes(p));
    assert.equal(p.exitCode, null);
    assert.equal(await p.join({ timeout: 0 }), null);
    assert.equal(p.isAlive(), true);
    await assert.rejects(p.join({ timeout: -1 }), RangeError);
    assert.equal(p.isAlive(), true);
    await sleep(200);
    p.${verb}();
    assert.equal(await p.join(), -os.constants.signals.${signal});
    assert.equal(p.isAlive(), false);
    assert.ok(!activeChildren().includes(p));
    assert.equal(await p.join(), p.exitCode);
    assert.equal(p.signalCode, '${signal}');
    p.${verb}();`;
}
