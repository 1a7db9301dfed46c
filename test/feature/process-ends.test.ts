// The ways out of a child, and what its parent hears of them.
import { expect, test } from 'vitest';
import { check, run } from '../fixtures/process/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('The end of a process', (testCase) => {
  test.each([
    [
      'throwValue',
      "['error']",
      1,
      [/Process Process-1:/, /RangeError: boom/, /cause\]: TypeError: the cause/],
    ],
    ['rejectLater', '[]', 1, [/RangeError: rejected/]],
    ['throwInTimer', '[]', 1, [/Process Process-1:/, /Error: in a timer/]],
    ['rejectUnhandled', '[]', 1, [/Process Process-1:/, /nobody listens/]],
    ['neverSettles', '[]', 13, [/Process Process-1: .*never settled/]],
    ['neverSettlesButListens', '[]', 13, [/never settled/, /exit listener saw 13/]],
    ['worksBeforeExit', '[]', 0, [/^$/]],
  ])('%s(%s) ends with %i and says why', async (name, args, expected, texts) => {
    const { code, stdout, stderr } = await run(
      testCase,
      `const p = new Process({ target: t.${name}, args: ${args} });
      await p.start();
      assert.equal(await p.join(), ${expected});`,
    );
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: '' });
    for (const text of texts) expect(stderr).toMatch(text);
  });

  test('an exit listener may call process.exit(), and is called once', async () => {
    const { code, stdout, stderr } = await run(
      testCase,
      `const p = new Process({ target: t.exitsInExitListener });
      await p.start();
      assert.equal(await p.join(), 3);`,
    );
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'listener\n', stderr: '' });
  });

  test('an error that is longer than there is room for is told in whole', async () => {
    const { code, stderr } = await run(
      testCase,
      `const p = new Process({ target: t.throwsAtLength });
      await p.start();
      assert.equal(await p.join(), 1);`,
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Process Process-1:\nError: x{4000000} that is all\n/);
  });

  test('a program that listens to uncaught exceptions itself decides itself', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.catchesItself });
      await p.start();
      assert.equal(await p.join(), 21);`,
    );
  });

  when(testCase.method === 'fork')(
    'a program that has replaced process.exit, as test runners do, still has children that end',
    async () => {
      await check(
        testCase,
        `const { exit } = process;
        process.exit = () => { throw new Error('replaced'); };
        for (const code of [0, 7]) {
          const p = new Process({ target: () => { process.exitCode = code; } });
          await p.start();
          assert.equal(await p.join(), code);
        }
        process.exit = exit;`,
      );
    },
  );

  test("the parent's exit handlers and exit code are not the child's", async () => {
    const { code, stdout, stderr } = await run(
      testCase,
      `process.exitCode = 33;
      process.on('exit', (code) => fs.writeSync(1, 'exit ' + process.pid + ' ' + code + '\\n'));
      process.on('beforeExit', () => fs.writeSync(1, 'beforeExit ' + process.pid + '\\n'));
      for (const [target, expected] of [[t.nothing, 0], [t.throwValue, 1], [t.neverSettles, 13]]) {
        const p = new Process({ target, args: ['error'], stderr: 'ignore' });
        await p.start();
        assert.equal(await p.join(), expected);
      }
      console.log('pid', process.pid);`,
    );
    expect({ code, stderr }).toEqual({ code: 33, stderr: '' });
    const pid = /^pid (\d+)$/m.exec(stdout)?.[1];
    expect(stdout).toBe(`pid ${pid}\nbeforeExit ${pid}\nexit ${pid} 33\n`);
  });

  test('grandchildren: the others are waited for, daemons end', async () => {
    await check(
      testCase,
      `for (const daemon of [false, true]) {
        const [receiver, sender] = Pipe({ duplex: false });
        const p = new Process({ target: t.family, args: [sender, { daemon, ms: daemon ? 60_000 : 400, await: false }] });
        await p.start();
        sender.close();
        const { pid } = await receiver.recv();
        const startedAt = performance.now();
        assert.equal(await p.join(), 0);
        if (!daemon) assert.ok(performance.now() - startedAt > 100);
        assert.throws(() => process.kill(pid, 0), code('ESRCH'), String(daemon));
      }`,
    );
  });

  test('grandchildren, when the child leaves by process.exit()', async () => {
    await check(
      testCase,
      `const [receiver, sender] = Pipe({ duplex: false });
      const p = new Process({ target: t.exitWithChild, args: [sender, 400] });
      await p.start();
      const { pid, startedAt } = await receiver.recv();
      assert.equal(await p.join(), 9);
      if (backend === 'fallback') {
        // It cannot be waited for there; it goes on alone and ends by itself.
        for (let i = 0; i < 100 && isThere(pid); i++) await sleep(50);
      } else {
        assert.ok(Date.now() - startedAt >= 395);
      }
      assert.equal(isThere(pid), false);
      // On the fallback one that has ended is left to the first process of the system to collect.
      function isThere(pid) {
        try {
          process.kill(pid, 0);
          return backend === 'native' || !/\\) Z /.test(fs.readFileSync('/proc/' + pid + '/stat', 'utf8'));
        } catch {
          return false;
        }
      }`,
    );
  });

  test('ten thousand joins are given up by one signal, which keeps no listener of them', async () => {
    await check(
      testCase,
      `const { getEventListeners } = require('node:events');
      process.on('warning', (warning) => assert.fail(warning));
      const p = new Process({ target: t.sleepFor, args: [60_000] });
      await p.start();
      const abort = new AbortController();
      const reason = new Error('enough');
      const joins = Array.from({ length: 10_000 }, () => p.join({ signal: abort.signal }));
      await sleep(10);
      assert.equal(getEventListeners(abort.signal, 'abort').length, 1);
      abort.abort(reason);
      for (const outcome of await Promise.allSettled(joins)) assert.equal(outcome.reason, reason);
      assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
      p.kill();
      await p.join();`,
    );
  });

  test('stdin is the null device', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.readStdin });
      await p.start();
      assert.equal(await p.join(), 0);`,
    );
  });
});
