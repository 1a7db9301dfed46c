// Wrong use: a clear error at the call or in join(), never a hang.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check, fixture, run } from '../fixtures/process/programs.js';
import { describeEach } from '../support/start-methods.js';

const isFixture = (file: string): boolean => existsSync(fixture(file));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'misuse-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const isSpawn = ({ method }: { method: string }): boolean => method === 'spawn';

describeEach('Process: wrong use', (testCase) => {
  test('arguments of the constructor', async () => {
    await check(
      testCase,
      `const wrong = [
        [{ target: 'work' }, TypeError, /target must be a function, got "work"/],
        [{ target: null }, TypeError, /target/],
        [{ target: {} }, TypeError, /target must be a function, got an instance of Object/],
        [{ target: function* () {} }, TypeError, /target must be a function whose call runs it/],
        [{ target: async function* () {} }, TypeError, /target must be a function whose call runs it/],
        [{ args: 'abc' }, TypeError, /args must be an array or another iterable of arguments, got "abc"/],
        [{ args: 7 }, TypeError, /args/],
        [{ args: { length: 1 } }, TypeError, /args/],
        [{ args: null }, TypeError, /args/],
        [{ name: 7 }, TypeError, /name must be a string, got 7/],
        [{ name: null }, TypeError, /name/],
        [{ daemon: 1 }, TypeError, /daemon must be a boolean, got 1/],
        [{ stdout: {} }, TypeError, /stdout/],
        [{ stderr: -1 }, RangeError, /stderr/],
        [{ stderr: '' }, RangeError, /stderr/],
        [{ stdout: 'with\\0zero' }, RangeError, /stdout.*null byte/],
        ['options', TypeError, /options must be an object/],
        [null, TypeError, /options/],
        [() => {}, TypeError, /options/],
        [[], TypeError, /options/],
      ];
      for (const [options, Class, text] of wrong) {
        assert.throws(() => new Process(options), (error) => error instanceof Class && text.test(error.message) && /^ERR_MP_/.test(error.code), JSON.stringify(options));
      }
      assert.equal(new Process().name, 'Process-1', 'none of them counts');`,
    );
  });

  test('start twice, also at once', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.nothing });
      const first = p.start();
      await assert.rejects(p.start(), code('ERR_MP_STATE'));
      await first;
      await assert.rejects(p.start(), /cannot be started twice/);
      await p.join();
      await assert.rejects(p.start(), code('ERR_MP_STATE'));
      await assert.rejects(currentProcess().start(), code('ERR_MP_STATE'));`,
    );
  });

  test('a target that removes the listeners of its process, or disconnects it, goes on', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      for (const how of ['all', 'one by one', 'disconnect', 'disconnect later']) {
        const p = new Process({ target: t.cutsItselfOff, args: [there, how] });
        await p.start();
        assert.equal(await here.recv(), how);
        await here.send(how + '?');
        assert.equal(await here.recv(), how + '?');
        assert.equal(await p.join(), 0);
      }`,
    );
  });

  test('before start', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.nothing });
      await assert.rejects(p.join(), /cannot join process Process-1: it was never started/);
      for (const verb of ['joinSync', 'terminate', 'kill', 'interrupt']) assert.throws(() => p[verb](), code('ERR_MP_STATE'), verb);
      assert.throws(() => p.sentinel, code('ERR_MP_STATE'));
      assert.equal(p.isAlive(), false);`,
    );
  });

  test('oneself', async () => {
    await check(
      testCase,
      `const self = currentProcess();
      await assert.rejects(self.join(), /a process cannot join itself/);
      for (const verb of ['joinSync', 'terminate', 'kill', 'interrupt']) assert.throws(() => self[verb](), code('ERR_MP_STATE'), verb);
      self.close();
      assert.equal(self.isAlive(), true);
      const p = new Process({ target: t.joinSelf });
      await p.start();
      assert.equal(await p.join(), 5);`,
    );
  });

  test('close while running', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.sleepFor, args: [60_000], daemon: true });
      const started = p.start();
      assert.throws(() => p.close(), code('ERR_MP_STATE'));
      await started;
      assert.throws(() => p.close(), /still running: join\\(\\) or terminate\\(\\) it before close\\(\\)/);
      assert.equal(p.isAlive(), true);`,
    );
  });

  test('a start method that is unknown, not there yet, or chosen twice', async () => {
    await check(
      testCase,
      `assert.throws(() => mp.getContext('thread'), RangeError);
      assert.throws(() => mp.getContext(7), TypeError);
      assert.throws(() => mp.getContext('forkserver'), code('ERR_MP_NOT_SUPPORTED'));
      assert.throws(() => mp.setStartMethod('forkserver'), code('ERR_MP_NOT_SUPPORTED'));
      assert.throws(() => mp.setStartMethod(undefined), TypeError);
      assert.throws(() => mp.setStartMethod('spawn'), code('ERR_MP_STATE'));
      mp.setStartMethod('spawn', { force: true });
      assert.equal(mp.getStartMethod(), 'spawn');
      assert.equal(mp.getContext('spawn').getStartMethod(), 'spawn');
      assert.throws(() => mp.getContext('spawn').setStartMethod('spawn'), code('ERR_MP_NOT_SUPPORTED'));
      if (backend === 'fallback') {
        assert.deepEqual(mp.getAllStartMethods(), ['spawn']);
        assert.throws(() => mp.getContext('fork'), (error) => error instanceof mp.ForkUnavailableError && /fallback/.test(error.message) && /spawn/.test(error.message));
      }
      mp.setStartMethod(null, { force: true });
      assert.equal(mp.getStartMethod({ allowNone: true }), null);
      assert.equal(mp.getStartMethod(), mp.getAllStartMethods()[0]);
      assert.equal(mp.getContext(), mp.getContext());
      assert.equal(mp.getContext().Process, mp.Process);`,
    );
  });

  test("somebody else's child", async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const other = new Process({ target: t.sleepFor, args: [60_000], daemon: true });
      await other.start();
      if (method !== 'fork') return; // Elsewhere no process object reaches another process.
      const p = new Process({
        target: async () => {
          const told = [];
          const uses = ['join', 'start', 'isAlive', 'terminate', 'kill', 'joinSync'].map((verb) => () => other[verb]());
          const { sentinel } = other;
          uses.push(() => sentinel.ready, () => sentinel.onReady(() => {}), () => mp.wait([sentinel]), () => mp.waitSync([sentinel]));
          for (const use of uses) {
            try {
              await use();
              told.push(String(use));
            } catch (error) {
              if (error.code !== 'ERR_MP_STATE') told.push(error.message);
            }
          }
          told.push(activeChildren().length, other.exitCode, /unknown/.test(require('node:util').inspect(other)));
          await sender.send(told);
        },
      });
      await p.start();
      assert.deepEqual(await receiver.recv(), [0, null, true]);
      assert.equal(await p.join(), 0);
      assert.equal(other.isAlive(), true);`,
    );
  });
});

describeEach(
  'Process under spawn: what cannot travel',
  (testCase) => {
    test('an argument, named by its path; nothing is started', async () => {
      await check(
        testCase,
        `const p = new Process({ target: t.nothing, args: [{ fine: 1, onDone: () => {} }] });
        await assert.rejects(p.start(), (error) => error instanceof mp.SerializationError && error.path === 'args[0].onDone' && error.message.includes('args[0].onDone'));
        assert.equal(p.pid, undefined);
        assert.equal(p.isAlive(), false);
        assert.deepEqual(activeChildren(), []);
        await assert.rejects(new Process({ target: t.nothing, args: [1, new WeakMap()] }).start(), (error) => error.path === 'args[1]');`,
      );
    });

    test('a handle beside it stays with its owner', async () => {
      await check(
        testCase,
        `const [receiver, sender] = Pipe({ duplex: false });
        const p = new Process({ target: t.nothing, args: [sender, Symbol('no')] });
        await assert.rejects(p.start(), (error) => error.path === 'args[1]');
        await sender.send('still here');
        assert.equal(await receiver.recv(), 'still here');
        sender.close();
        await assert.rejects(receiver.recv(), code('ERR_MP_END_OF_FILE'));`,
      );
    });

    test('a closure: the error says what to do', async () => {
      await check(
        testCase,
        `const outside = method;
        const p = new Process({ target: () => console.log(outside) });
        await assert.rejects(p.start(), (error) => error instanceof mp.SerializationError && /export/.test(error.message) && /fork/.test(error.message) && /outside/.test(error.message));`,
      );
    });

    test("a subclass's field, and a subclass that is not exported", async () => {
      await check(
        testCase,
        `const p = new t.UpperCaser();
        p.callback = () => {};
        await assert.rejects(p.start(), (error) => error.path === 'this.callback');
        class Local extends Process { run() {} }
        await assert.rejects(new Local().start(), (error) => error instanceof mp.SerializationError && /Local/.test(error.message) && /export/.test(error.message));`,
      );
    });

    test('private fields of a subclass, which do not travel', async () => {
      const { code, stderr } = await run(
        testCase,
        `const p = new t.Discreet();
        await p.start();
        assert.equal(await p.join(), 1);`,
      );
      expect(code).toBe(0);
      expect(stderr).toMatch(
        /StateError: Discreet has private fields .* keep what run\(\) needs in public ones/,
      );
      expect(stderr).toContain('TypeError: Cannot read private member #secret');
    });

    test.each([
      ['a missing module', 'missing.mjs', 'work', /Cannot find module|ERR_MODULE_NOT_FOUND/],
      ['a module with a syntax error', 'broken.mjs', 'work', /SyntaxError/],
      ['a CommonJS module with a syntax error', 'broken.cjs', 'work', /SyntaxError/],
      ['a module that throws', 'throws.mjs', 'work', /RangeError: at the top level/],
      ['a missing export', 'targets.cjs', 'noSuchExport', /noSuchExport/],
      ['an export that is no function', 'constant.mjs', 'constant', /(no|not a) function/],
    ])('%s: a traceback, and 1 from join()', async (_title, file, name, text) => {
      const url = isFixture(file) ? fixture(file) : path.join(folder, file);
      if (file.startsWith('broken')) writeFileSync(url, 'export function work( {');
      const { code, stderr } = await run(
        testCase,
        `const p = new Process({ target: mp.taskRef(${JSON.stringify(url)}, ${JSON.stringify(name)}) });
        await p.start();
        assert.equal(await p.join(), 1);`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(text) });
      expect(stderr).toContain('Process Process-1:');
    });

    test('a program that cannot be started at all', async () => {
      await check(
        testCase,
        `process.execPath = '/no/such/node';
        const [, sender] = Pipe({ duplex: false });
        const p = new Process({ target: t.nothing, args: [sender] });
        await assert.rejects(p.start(), code('ENOENT'));
        assert.equal(p.isAlive(), false);
        await assert.rejects(p.join(), code('ERR_MP_STATE'));
        assert.deepEqual(activeChildren(), []);`,
      );
    });

    test('the child is gone before it was told what to run', async () => {
      await check(
        testCase,
        `process.execPath = '/bin/false';
        const p = new Process({ target: t.nothing, args: [Buffer.alloc(8_000_000)] });
        await p.start();
        assert.equal(await p.join(), 1);`,
      );
    });
  },
  isSpawn,
);
