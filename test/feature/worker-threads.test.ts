// Processes that a worker_thread starts.
import { describe, expect, test } from 'vitest';
import { check } from '../fixtures/process/programs.js';
import { runProgram } from '../support/clean-node.js';
import { cases, describeEach } from '../support/start-methods.js';

describeEach(
  'A worker_thread',
  (testCase) => {
    test('starts processes and pools without a warning of Node', async () => {
      const stdout = await check(
        testCase,
        `const { Worker } = require('node:worker_threads');
        const file = path.join(os.tmpdir(), 'out' + process.pid);
        process.on('exit', () => fs.rmSync(file));
        // Node counts the descriptors of a thread, and warns of those that are closed otherwise than they were opened.
        const worker = new Worker(
          \`const { Process, Pool, Pipe } = require('node-multiprocessing');
          const { basename } = require('node:path');
          process.on('warning', (warning) => { throw warning; });
          (async () => {
            for (const stdout of ['inherit', 'pipe', 'ignore', process.argv[2]]) {
              const [here, there] = Pipe();
              const p = new Process({ target: (end) => end.send('hello'), args: [there], stdout });
              await p.start();
              there.close();
              console.log(await here.recv(), await p.join());
              here.close();
            }
            const pool = new Pool(1);
            console.log(await pool.apply(basename, ['a/b']));
            pool.terminate();
            await pool.join();
          })();\`,
          { eval: true, argv: [file] },
        );
        worker.on('error', (error) => { throw error; });
        await new Promise((resolve) => worker.on('exit', resolve));`,
      );
      expect(stdout).toBe('hello 0\n'.repeat(4) + 'b\n');
    });
  },
  ({ method }) => method === 'spawn',
);

const forking = cases.find(({ method }) => method === 'fork');

/** A program whose thread starts two processes and then does as `tail` says. Without a zombie /proc has no entry. */
const leftBehind = (tail: string, body: string): string => `
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');
const exists = (pid) => fs.existsSync('/proc/' + pid);
const collected = async (pid) => { while (exists(pid)) await sleep(5); };

async function start() {
  const thread = new Worker(\`
    const { Process } = require('node-multiprocessing');
    const { parentPort } = require('node:worker_threads');
    (async () => {
      const target = () => new Promise((resolve) => setTimeout(resolve, 60_000));
      const children = [new Process({ target }), new Process({ target })];
      for (const child of children) await child.start();
      parentPort.postMessage(children.map(({ pid }) => pid));
      ${tail}
    })();\`, { eval: true });
  const ended = new Promise((resolve) => thread.once('exit', resolve));
  thread.on('error', (error) => { throw error; });
  return { pids: await new Promise((resolve) => thread.once('message', resolve)), thread, ended };
}
(async () => { ${body} })();`;

describe.runIf(forking)('Children of a worker_thread that has ended [native]', () => {
  const run = async (tail: string, body: string): Promise<void> => {
    const { code, stderr } = await runProgram(leftBehind(tail, body), {
      env: { MULTIPROCESSING_BACKEND: 'native' },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  };

  test('live on, and are collected when they end, although nobody else uses the package', async () => {
    await run(
      '',
      `for (let round = 0; round < 3; round++) {
        const { pids, thread } = await start();
        await thread.terminate();
        for (const pid of pids) {
          assert.doesNotMatch(fs.readFileSync('/proc/' + pid + '/stat', 'utf8'), /\\) Z/);
          process.kill(pid, 'SIGKILL');
          await collected(pid);
        }
      }`,
    );
  });

  test('are collected when they ended while the thread was busy, looked at or not', async () => {
    await run(
      `process.kill(children[0].pid, 'SIGKILL');
      process.kill(children[1].pid, 'SIGKILL');
      children[0].joinSync();
      // What follows from the look, before the event loop has a turn.
      await new Promise(process.nextTick);
      process.exit();`,
      `const { pids, ended } = await start();
      await ended;
      await Promise.all(pids.map(collected));`,
    );
  });

  test('a thread that is ended in the middle of a call does not take the program with it', async () => {
    await run(
      '',
      `for (let round = 0; round < 30; round++) {
        const thread = new Worker(\`
          const { Pipe } = require('node-multiprocessing');
          require('node:worker_threads').parentPort.postMessage('ready');
          for (;;) for (const end of Pipe()) end.close();\`, { eval: true });
        await new Promise((resolve) => thread.once('message', resolve));
        await sleep(round % 10);
        await thread.terminate();
      }`,
    );
  });

  test('end with it where they are daemons, however busy', async () => {
    await run(
      '',
      `const thread = new Worker(\`
        const { parentPort } = require('node:worker_threads');
        const { Pool, Process } = require('node-multiprocessing');
        const busy = async () => {
          const { currentTask } = await import('node-multiprocessing');
          currentTask().report(process.pid);
          for (;;);
        };
        const target = () => new Promise((resolve) => setTimeout(resolve, 60_000));
        const onReport = async (worker) => {
          const daemon = new Process({ target, daemon: true });
          await daemon.start();
          parentPort.postMessage([worker, daemon.pid]);
        };
        new Pool(1).applyAsync(busy, [], { onReport });\`, { eval: true });
      thread.on('error', (error) => { throw error; });
      const pids = await new Promise((resolve) => thread.once('message', resolve));
      assert.deepEqual(pids.map(exists), [true, true]);
      await thread.terminate();
      await Promise.all(pids.map(collected));`,
    );
  });

  test('are nothing to a child that is forked meanwhile', async () => {
    await run(
      '',
      `const { Process } = require('node-multiprocessing');
      const { pids, thread } = await start();
      await thread.terminate();
      const pidfds = () => fs.readdirSync('/proc/self/fd').filter((fd) => {
        try { return fs.readlinkSync('/proc/self/fd/' + fd).includes('pidfd'); } catch { return false; }
      });
      assert.equal(pidfds().length, 2);
      const forked = new Process({ target: () => assert.deepEqual(pidfds(), []) });
      await forked.start();
      assert.equal(await forked.join(), 0);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await Promise.all(pids.map(collected));`,
    );
  });
});
