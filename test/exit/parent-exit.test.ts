// The end of a program that has children, at every way out. runProgram itself fails when a process is left behind.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { check, program, run } from '../fixtures/process/programs.js';
import { describeEach } from '../support/start-methods.js';

/** Children leave their marks here. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'marks-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const startChildren = `
  const mark = (name) => path.join(process.env.MP_TEST_MARKS, name);
  const start = async (target, args, options = {}) => {
    const [receiver, sender] = Pipe({ duplex: false });
    const p = new Process({ target, args: [sender, ...args], ...options });
    await p.start();
    await receiver.recv();
    receiver.close();
    sender.close();
    return p;
  };
`;

describeEach('The end of the parent', (testCase) => {
  const runMarked = (body: string) =>
    run(testCase, startChildren + body, { env: { MP_TEST_MARKS: folder } });

  test.each([
    ['its natural end', '', 0, ''],
    ['process.exit()', 'process.exit(5);', 5, ''],
    ['process.exitCode', 'process.exitCode = 6;', 6, ''],
    ['an uncaught exception', "setImmediate(() => { throw new Error('the end'); });", 1, 'the end'],
    ['an unhandled rejection', "throw new Error('the end');", 1, 'the end'],
  ])('by %s: daemons are terminated, the others finish', async (_how, last, expected, text) => {
    const { code, stderr, endedAt } = await runMarked(
      `await start(t.markAfter, [400, mark('finished')]);
      await start(t.markAtSignal, [mark('terminated')], { daemon: true });
      ${last}`,
    );
    expect(code).toBe(expected);
    if (text === '') expect(stderr).toBe('');
    else expect(stderr).toContain(text);
    expect(readdirSync(folder)).toContain('finished');
    // Where the parent cannot block at its exit, the others finish on their own, and a daemon has no time for its handler.
    if (testCase.backend === 'fallback') return;
    expect(readdirSync(folder)).toContain('terminated');
    const finishedAt = Number(readFileSync(path.join(folder, 'finished'), 'utf8'));
    expect(endedAt).toBeGreaterThanOrEqual(finishedAt);
  });

  test.each([
    ['an uncaught exception', 'setImmediate(() => { throw thrown; });'],
    ['an unhandled rejection', 'throw thrown;'],
  ])('by %s: it is told once, and before the children are waited for', async (_how, last) => {
    const stderr = path.join(folder, 'stderr');
    const dying = program(
      `${startChildren}
      // On the fallback nothing would hold the error up.
      await start(t.waitForText, [process.env.MP_TEST_STDERR, 'RangeError: the end']);
      process.on('exit', () => { process.exitCode = 7; });
      const thrown = new RangeError('the end', { cause: 'the cause' });
      ${last}`,
    );
    const { code, stderr: outer } = await run(
      testCase,
      `const { spawnSync } = require('node:child_process');
      const file = path.join(__dirname, 'dying.cjs');
      fs.writeFileSync(file, ${JSON.stringify(dying)});
      const stdio = ['ignore', 'inherit', fs.openSync(process.env.MP_TEST_STDERR, 'a')];
      const { status, signal } = spawnSync(process.execPath, [file], { stdio });
      assert.deepEqual({ status, signal }, { status: 7, signal: null });`,
      { env: { MP_TEST_STDERR: stderr } },
    );
    expect({ code, outer }).toEqual({ code: 0, outer: '' });
    const text = readFileSync(stderr, 'utf8');
    expect(text.split('RangeError: the end')).toHaveLength(2);
    expect(text).toMatch(/at .*dying\.cjs:\d+/);
    expect(text).toContain("[cause]: 'the cause'");
  });

  test("the program's exit handlers come before the wait, whenever they were registered", async () => {
    const { code, stderr } = await runMarked(
      `const p = await start(t.markAtSignal, [mark('terminated')]);
      process.on('exit', () => p.terminate()); // Nothing else would ever end it.
      await sleep(1);
      process.exit(2);`,
    );
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(readdirSync(folder)).toEqual(['terminated']);
  });

  test('a daemon that ignores SIGTERM does not hold it', async () => {
    const { code, stderr } = await runMarked(
      `await start(t.ignoreSignals, [], { daemon: true });
      process.exit(4);`,
    );
    expect({ code, stderr }).toEqual({ code: 4, stderr: '' });
  });

  test('by SIGKILL: no child and no grandchild outlives it, busy or not', async () => {
    const result = await run(
      testCase,
      `const [family, spinning] = [Pipe({ duplex: false }), Pipe({ duplex: false })];
      const all = [
        new Process({ target: t.sleepFor, args: [100_000] }),
        new Process({ target: t.sleepFor, args: [100_000], daemon: true }),
        new Process({ target: t.family, args: [family[1], { daemon: false, ms: 100_000, await: true }] }),
        // These never come back to their event loops, where they could learn of it.
        new Process({ target: t.spin, args: [spinning[1], 2] }),
      ];
      for (const p of all) await p.start();
      for (const [receiver] of [family, spinning]) await receiver.recv();
      process.kill(process.pid, 'SIGKILL');
      await sleep(1_000);`,
    );
    expect(result).toMatchObject({ code: null, signal: 'SIGKILL', stderr: '' });
  });

  test('right after start(), before the child is up', async () => {
    const result = await run(
      testCase,
      `const p = new Process({ target: t.sleepFor, args: [100_000], daemon: true });
      await p.start();
      process.exit(3);`,
    );
    expect(result).toMatchObject({ code: 3, stderr: '' });
  });

  test('with a start() that nobody awaited', async () => {
    const result = await run(
      testCase,
      `void new Process({ target: t.print, args: ['ran'] }).start();`,
    );
    expect(result).toMatchObject({ code: 0, stderr: '', stdout: 'ran' });
  });

  test('a daemon does not hold the event loop, a join does', async () => {
    await check(
      testCase,
      `const p = new Process({ target: t.sleepFor, args: [300], daemon: true });
      await p.start();
      const startedAt = performance.now();
      assert.equal(await p.join(), 0);
      const forEver = new Process({ target: t.sleepFor, args: [100_000], daemon: true });
      await forEver.start();`,
    );
  });
});

describeEach(
  'Children that have ended',
  (testCase) => {
    test('are reaped without being joined', async () => {
      await check(
        testCase,
        `const N = method === 'fork' ? 40 : 5;
        for (let i = 0; i < N; i++) {
          const p = new Process({ target: t.nothing });
          await p.start();
          if (i % 2) p.kill();
        }
        const children = () => fs.readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8');
        for (let i = 0; i < 200 && children() !== ''; i++) await sleep(20);
        assert.equal(children(), '');
        assert.deepEqual(activeChildren(), []);`,
      );
    });

    test("leave Node's own children alone", async () => {
      await check(
        testCase,
        `const { spawn, spawnSync, execFileSync } = require('node:child_process');
        const { once } = require('node:events');
        const ours = [];
        for (let i = 0; i < 4; i++) {
          const p = new Process({ target: t.exitWith, args: [i] });
          const theirs = once(spawn(process.execPath, ['-e', 'process.exit(' + (40 + i) + ')']), 'exit');
          await p.start();
          ours.push(p);
          assert.equal(spawnSync('/bin/sh', ['-c', 'exit 7']).status, 7);
          assert.deepEqual(await theirs, [40 + i, null]);
        }
        assert.deepEqual(await Promise.all(ours.map((p) => p.join())), [0, 1, 2, 3]);
        assert.equal(String(execFileSync('/bin/echo', ['fine'])), 'fine\\n');`,
      );
    });
  },
  () => process.platform === 'linux',
);
