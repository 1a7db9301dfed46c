// A process that gives up root once it has its port: what it starts then, beside what it has started before. The kernel counts it as not
// dumpable from there on, so much of /proc is closed to it, and to others about it.
import { expect, test } from 'vitest';
import { describeEach, when, type Case } from '../support/start-methods.js';

const isRoot = process.getuid?.() === 0;
/** Nobody, on most systems. */
const OTHER = 65_534;

/** A program that prints one JSON line, in which `become()` gives up root. */
const program = (body: string): string => `
const mp = require('node-multiprocessing');
const fs = require('node:fs');
const { Process, Pool, Queue, Lock } = mp.getContext(process.env.MP_TEST_START_METHOD);
const become = (id) => { process.setgid(id); process.setuid(id); };
const say = (value) => fs.writeSync(1, JSON.stringify(value) + '\\n');
(async () => { ${body} })();`;

async function said(testCase: Case, body: string): Promise<unknown> {
  const { code, stdout, stderr } = await testCase.run(program(body));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

const CHILD = `
  const queue = new Queue();
  const child = new Process({ target: async function target(queue) { await queue.put(process.getuid()); }, args: [queue] });
  await child.start();
  say([await queue.get(), await child.join()]);`;

describeEach('A process that calls setuid()', (testCase) => {
  const { method } = testCase;

  test.runIf(process.getuid)('for the user that it is goes on as before', async () => {
    const found = await said(testCase, `process.setuid(process.getuid()); ${CHILD}`);
    expect(found).toEqual([process.getuid?.(), 0]);
  });

  // Only root can become somebody else.
  const asRoot = test.skipIf(!isRoot);

  asRoot('for another one (needs root) starts children of that one', async () => {
    const found = await said(testCase, `become(${OTHER}); ${CHILD}`);
    expect(found).toEqual([OTHER, 0]);
  });

  when(method === 'fork' && isRoot)('for another one can be forked by fork()', async () => {
    const found = await said(
      testCase,
      `
      become(${OTHER});
      const [reader, writer] = mp.Pipe({ duplex: false });
      const pid = mp.fork();
      if (pid === 0) {
        await writer.send(process.getuid());
        mp.exitNow(0);
      }
      say(await reader.recv());`,
    );
    expect(found).toEqual(OTHER);
  });

  /** More than could be made if each answer had to wait until its reader looks around by itself. */
  const ROUNDS = 400;

  asRoot('for another one (needs root) shares with children from before and after', async () => {
    const found = await said(
      testCase,
      `
      const pass = async function pass(from, to, lock) {
        for (;;) {
          const item = await from.get();
          if (item === null) return;
          await lock.acquire();
          await to.put(item + 1);
          lock.release();
        }
      };
      const [first, second, third] = [new Queue(), new Queue(), new Queue()];
      const lock = new Lock();
      const pool = new Pool(1);
      await pool.apply(Math.abs, [-1]);
      const before = new Process({ target: pass, args: [first, second, lock] });
      await before.start();
      await first.put(0);
      await second.get();
      become(${OTHER});
      const after = new Process({ target: pass, args: [second, third, lock] });
      await after.start();
      let sum = 0;
      for (let round = 0; round < ${ROUNDS}; round++) {
        await lock.acquire();
        await first.put(round);
        await new Promise(setImmediate);
        lock.release();
        sum += (await third.get()) - round;
      }
      await first.put(null);
      await second.put(null);
      const codes = [await before.join(), await after.join()];
      const result = await pool.apply(Math.abs, [-2]);
      await pool.close();
      await pool.join();
      say([sum, codes, result]);`,
    );
    expect(found).toEqual([2 * ROUNDS, [0, 0], 2]);
  });

  // The daemon ends with its parent, or the run would find it left behind.
  asRoot('for another one (needs root) may not signal children from before', async () => {
    const found = await said(
      testCase,
      `
      const pool = new Pool(1);
      await pool.apply(Math.abs, [-1]);
      const daemon = new Process({ target: function target() { for (;;); }, daemon: true });
      await daemon.start();
      const queue = new Queue();
      const child = new Process({ target: async function target(queue) { await queue.get(); }, args: [queue] });
      await child.start();
      become(${OTHER});
      const errors = ['terminate', 'kill', 'interrupt'].map((how) => {
        try {
          child[how]();
        } catch (error) {
          return error.name + ' ' + error.code;
        }
      });
      pool.terminate();
      await pool.join();
      await queue.put(1);
      say([errors, await child.join()]);`,
    );
    const refused = 'SystemError EPERM';
    expect(found).toEqual([[refused, refused, refused], 0]);
  });
});
