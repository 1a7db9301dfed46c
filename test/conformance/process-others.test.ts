// CPython's smaller classes of tests about processes (Lib/test/_test_multiprocessing.py); see process.test.ts.
import { expect, test } from 'vitest';
import { check, fixture, run } from '../fixtures/process/programs.js';
import { describeConformance } from '../support/start-methods.js';

describeConformance('_TestSubclassingProcess', (testCase) => {
  test('_TestSubclassingProcess.test_subclassing', async () => {
    await check(
      testCase,
      `const p = new t.UpperCaser();
      p.daemon = true;
      await p.start();
      assert.match(p.name, /^UpperCaser-1$/);
      assert.equal(await p.submit('hello'), 'HELLO');
      assert.equal(await p.submit('world'), 'WORLD');
      await p.stop();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('_TestSubclassingProcess.test_stderr_flush', async () => {
    const { code, stderr } = await run(
      testCase,
      `const p = new Process({ target: t.throwValue, args: ['error'] });
      await p.start();
      assert.equal(await p.join(), 1);`,
    );
    expect(code).toBe(0);
    expect(stderr).toContain('Process Process-1:');
    expect(stderr).toContain('RangeError: boom');
    expect(stderr).toMatch(/targets\.cjs:\d+/);
    expect(stderr).toContain('TypeError: the cause');
  });

  test('_TestSubclassingProcess.test_sys_exit (adapted: process.exit and thrown values)', async () => {
    await check(
      testCase,
      `const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'exit-'));
      const stderr = path.join(folder, 'stderr');
      const cases = [
        [t.exitWith, [], 0], [t.exitWith, [undefined], 0], [t.exitWith, [null], 0], [t.exitWith, [0], 0],
        [t.exitWith, [8], 8], [t.exitWith, ['8'], 8], [t.exitWith, [256 + 7], 7], [t.exitWith, [true], 1],
        [t.setExitCode, [8], 8], [t.setExitCode, ['9'], 9], [t.setExitCode, [undefined], 0],
        [t.throwValue, ['string'], 1, "Uncaught 'only text'"],
        [t.throwValue, ['undefined'], 1, 'Uncaught undefined'],
        [t.throwValue, ['hostile'], 1, 'cannot be shown'],
      ];
      for (const [target, args, expected, text] of cases) {
        const p = new Process({ target, args, daemon: true, stderr });
        await p.start();
        assert.equal(await p.join(), expected, JSON.stringify([target.name, args]));
        if (text) assert.ok(fs.readFileSync(stderr, 'utf8').includes(text), text);
        fs.rmSync(stderr, { force: true });
      }
      fs.rmSync(folder, { recursive: true });`,
    );
  });
});

describeConformance('TestBaseProcessKwargs', (testCase) => {
  test('TestBaseProcessKwargs.test_default_kwargs_not_shared_between_instances (adapted: args)', async () => {
    await check(
      testCase,
      `const given = [];
      const [receiver, sender] = Pipe({ duplex: false });
      const first = new Process({ target: t.send, args: given });
      given.push(sender, 'late');
      const second = new Process({ target: t.send, args: given });
      given.length = 0;
      await second.start();
      assert.equal(await receiver.recv(), 'late');
      await second.join();
      assert.equal(first.run.length, 0);
      assert.notEqual(first, second);`,
    );
  });
});

describeConformance('TestNoForkBomb', (testCase) => {
  for (const name of [
    'fork-bomb.cjs',
    'fork-bomb.mjs',
    'fork-bomb-late.cjs',
    'fork-bomb-late.mjs',
    'fork-bomb-behind.cjs',
    'fork-bomb-pool.cjs',
    'fork-bomb-pool.mjs',
    'fork-bomb-initializer.mjs',
  ]) {
    test(`TestNoForkBomb.test_noforkbomb (${name})`, async () => {
      const { code, stdout, stderr } = await testCase.run({ file: fixture(name) });
      if (testCase.method === 'fork') {
        expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '123\n', stderr: '' });
      } else {
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toContain('BootstrapError');
      }
    });
  }
});

describeConformance(
  'TestCloseFds',
  (testCase) => {
    test('TestCloseFds.test_closefd', async () => {
      await check(
        testCase,
        `const [receiver, sender] = Pipe();
        // High enough that a fresh child has none as high. Opened outside of Node's close-on-exec.
        const fds = [];
        while ((fds.at(-1) ?? 0) < 50) fds.push(fs.openSync('/dev/null', 'r'));
        const p = new Process({ target: t.checkDescriptor, args: [sender, fds.at(-1)] });
        await p.start();
        sender.close();
        assert.equal(await receiver.recv(), method === 'fork' ? 'open' : 'EBADF');
        assert.equal(await p.join(), 0);`,
      );
    });
  },
  () => process.platform === 'linux',
);

describeConformance('_TestAtExit', (testCase) => {
  test('_TestAtExit.test_atexit', async () => {
    await check(
      testCase,
      `const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'atexit-'));
      const file = path.join(folder, 'output.txt');
      const p = new Process({ target: t.writeAtExit, args: [file] });
      await p.start();
      await p.join();
      assert.equal(fs.readFileSync(file, 'utf8'), 'deadbeef');
      fs.rmSync(folder, { recursive: true });`,
    );
  });
});
