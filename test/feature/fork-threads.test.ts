// Threads that are neither V8's nor libuv's. What has to rest before a fork, and does not: threads of another addon, worker_threads,
// libuv's pool. Whose threads come back in the child.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');
let folder = '';

/** The program has `addon` (foreign-threads.c), and `check()`, which proves that a fork works and so does its child. */
async function run(body: string): Promise<void> {
  const { code, stdout, stderr } = await forking!.run(`
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const { pbkdf2 } = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');
const { Process, Pipe, fork, exitNow, registerAtFork } = require('node-multiprocessing');
const folder = ${JSON.stringify(folder)};
const addonFile = folder + '/foreign-threads.node';
const addon = require(addonFile);

const threadName = (tid) => {
  try {
    return fs.readFileSync('/proc/self/task/' + tid + '/comm', 'utf8').trim();
  } catch {
    return ''; // it has ended meanwhile
  }
};
const threadNames = () => fs.readdirSync('/proc/self/task').map(threadName);
const forkOnce = () => fork() === 0 && exitNow(0);
const useThePool = async () => assert((await fs.promises.readFile(process.execPath)).length > 1e6);
async function check() {
  forkOnce();
  const child = new Process({ target: useThePool });
  await child.start();
  assert.equal(await child.join(), 0);
}
/** fork() is refused at once or after its patience, with this as the reason. */
const refused = (message) => assert.throws(forkOnce, { name: 'ForkUnavailableError', code: 'ERR_MP_FORK_UNAVAILABLE', message });
let attempts = 0;
registerAtFork({ before: () => { attempts += 1; } });
const attemptsOf = async (number) => { for (const from = attempts; attempts < from + number; ) await sleep(1); };

(async () => {
  ${body}
  console.log('as it should be');
})();`);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'as it should be\n', stderr: '' });
}

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mp-threads-'));
  const source = path.resolve(import.meta.dirname, '../fixtures/fork/foreign-threads.c');
  const made = path.join(folder, 'foreign-threads.node');
  execFileSync('cc', ['-shared', '-fPIC', '-pthread', '-o', made, source]);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.runIf(forking)("An addon's thread in a forked child [native]", () => {
  it.each([
    [0, 'in a condition'],
    [1, 'in a condition with a timeout'],
    [2, 'in a futex with a timeout'],
    [3, 'in epoll'],
  ])('answers when it slept at the fork (%i: %s), and ends when it is told to', async (way) => {
    await run(`
      addon.serve(${way});
      assert.equal(addon.ask(1), 2);
      const useIt = async () => {
        assert.equal(addon.ask(21), 42);
        assert.ok(threadNames().includes('answerer'));
        addon.dismiss();
        // The kernel tells of the end of a thread a moment before it takes it off its list.
        while (threadNames().includes('answerer')) await sleep(1);
        addon.serve(${way});
        assert.equal(addon.ask(4), 8);
      };
      const grandparent = async () => {
        const inner = new Process({ target: useIt });
        await inner.start();
        assert.equal(await inner.join(), 0);
        await useIt();
      };
      for (const target of [useIt, grandparent, useIt]) {
        const child = new Process({ target });
        await child.start();
        assert.equal(addon.ask(3), 6);
        assert.equal(await child.join(), 0);
      }
      assert.equal(addon.ask(5), 10);
      const [receiver, sender] = Pipe({ duplex: false });
      if (fork() === 0) {
        sender.sendSync(addon.ask(9));
        exitNow(0);
      }
      sender.close();
      assert.equal(await receiver.recv(), 18);
      addon.dismiss();`);
  });

  it('that waits in epoll has an instance of the child, with what wakes it, and without what is of the parent', async () => {
    await run(`
      addon.serve(3);
      assert.equal(addon.ask(1), 2);
      const [epoll, pipe] = addon.numbers();
      const registered = () => fs.readFileSync('/proc/self/fdinfo/' + epoll, 'utf8').match(/^tfd:/gm).length;
      const isPipe = () => fs.readlinkSync('/proc/self/fd/' + pipe);
      const parents = isPipe();
      assert.equal(registered(), 2);
      const target = () => {
        assert.equal(registered(), 1);
        assert.notEqual(isPipe(), parents);
        addon.register();
        assert.equal(registered(), 2);
        assert.equal(addon.ask(2), 4);
      };
      const child = new Process({ target });
      await child.start();
      assert.equal(await child.join(), 0);
      assert.equal(registered(), 2);
      addon.register();
      assert.equal(addon.ask(3), 6);
      // Its twin shares what is registered, as all that it has.
      const [receiver, sender] = Pipe({ duplex: false });
      if (fork() === 0) {
        sender.sendSync([registered(), isPipe(), addon.ask(4)]);
        exitNow(0);
      }
      sender.close();
      assert.deepEqual(await receiver.recv(), [3, parents, 8]);
      assert.equal(addon.ask(5), 10);
      addon.dismiss();`);
  });

  it('is not there when it waited in poll, nor is one of ours or a worker_thread, wherever it waits', async () => {
    await run(`
      const count = async () => {
        const [receiver, sender] = Pipe({ duplex: false });
        const child = new Process({ target: () => sender.sendSync(threadNames().length), args: [sender] });
        await child.start();
        sender.close();
        const threads = await receiver.recv();
        assert.equal(await child.join(), 0);
        return threads;
      };
      const before = await count();
      // By the arguments of its call, the second might be a wait in a futex.
      for (const descriptors of [1, 128]) addon.listen(descriptors);
      const { NamedSemaphore } = require('node-multiprocessing');
      const name = '/mp-fork-threads-' + process.pid;
      const named = NamedSemaphore.create(name, 0);
      NamedSemaphore.unlink(name);
      const abort = new AbortController();
      const waits = named.acquire({ signal: abort.signal });
      const word = new Int32Array(new SharedArrayBuffer(8));
      const waiting = new Worker(
        \`const { workerData: word } = require('node:worker_threads');
        Atomics.store(word, 1, 1);
        Atomics.wait(word, 0, 0);\`, { eval: true, workerData: word });
      while (Atomics.load(word, 1) === 0) await sleep(1);
      assert.equal(await count(), before);
      Atomics.store(word, 0, 1);
      Atomics.notify(word, 0);
      await once(waiting, 'exit');
      abort.abort();
      await assert.rejects(waits);
      named.close();`);
  });
});

describe.runIf(forking)('A fork waits for [native]', () => {
  it("an addon's thread that does not answer, and names it; not for one that rests", async () => {
    await run(`
      await check();
      addon.spin();
      refused(/: thread \\d+ \\(spinner\\) did not answer the stop signal within 100 ms; try again later/);
      const child = new Process({ target: useThePool });
      const starting = child.start();
      await attemptsOf(2);
      addon.stop();
      await starting;
      assert.equal(await child.join(), 0);
      addon.rest();
      await check();`);
  });

  it("an addon's threads, those that it has before the first fork too", async () => {
    await run(`
      addon.rest();
      addon.spin();
      refused(/: thread \\d+ \\(.*\\) did not answer the stop signal/);
      addon.stop();
      await check();`);
  });

  it('a thread that answers late, also when it is the first fork', async () => {
    await run(`
      addon.spin();
      const later = new Worker(
        \`const addon = require(\${JSON.stringify(addonFile)});
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
        addon.stop();\`, { eval: true });
      await once(later, 'online');
      forkOnce();
      await once(later, 'exit');
      await check();`);
  });

  it('worker_threads that never rest; not for idle ones', async () => {
    await run(`
      const idle = new Worker('setInterval(() => {}, 1e6)', { eval: true });
      await once(idle, 'online');
      await check();
      const busy = new Worker(\`require(\${JSON.stringify(addonFile)}).spinHere();\`, { eval: true });
      while (!addon.isSpinning()) await sleep(1);
      refused(/: thread \\d+ \\(.*\\) is running and may hold a lock that the child would need; try again later/);
      addon.stop();
      await busy.terminate();
      await check();
      await idle.terminate();`);
  });

  it("no thread of V8's that compiles, from Node 24 on; before, start() waits for it", async () => {
    // A function of half a megabyte: some seconds of V8's optimizing compiler, on a thread of its own, once it is called often.
    await run(`
      const leb = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...leb(n >>> 7)]);
      const times = 20_000;
      const body = [0];
      for (let k = 1; k <= times; k += 1) {
        const number = [0x41, (k & 127) | 128, ((k >> 7) & 127) | 128, (k >> 14) & 63];
        body.push(0x20, 0, 0x41, 1, 0x71, 0x04, 0x7f, 0x20, 0, ...number, 0x6c, 0x05, 0x20, 0, ...number, 0x73, 0x0b, 0x21, 0);
      }
      body.push(0x20, 0, 0x0b);
      const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
      const { f } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([
        0, 97, 115, 109, 1, 0, 0, 0,
        ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7f]), ...section(3, [1, 0]), ...section(7, [1, 1, 102, 0, 0]),
        ...section(10, [1, ...leb(body.length), ...body]),
      ]))).exports;
      for (const end = performance.now() + 100; performance.now() < end; ) f(1);
      const expected = f(12345);
      const target = () => assert.equal(f(12345), expected);
      for (let round = 0; round < 3; round += 1) {
        if (Number.parseInt(process.versions.node) >= 24) forkOnce();
        const child = new Process({ target });
        await child.start();
        assert.equal(await child.join(), 0);
      }`);
  });

  it("the operations of libuv's pool; start() has the patience, fork() has not", async () => {
    await run(`
      const owner = process.pid;
      // Each takes a thread of the pool until somebody opens the other end.
      const open = (name) => {
        const fifo = folder + '/' + process.pid + name;
        execFileSync('mkfifo', [fifo]);
        const opened = fs.promises.open(fifo, 'r').then((handle) => {
          assert.equal(process.pid, owner, 'an operation of the parent ended in the child');
          return handle.close();
        });
        return async () => {
          const other = fs.openSync(fifo, 'r+');
          await opened;
          fs.closeSync(other);
        };
      };
      // Before the first fork, of which the pool's threads are learned, and after it.
      for (const round of [1, 2]) {
        const finish = [1, 2, 3, 4].map((number) => open(round + '-' + number));
        refused(/: the libuv pool is busy; try again later/);
        const child = new Process({ target: useThePool });
        const starting = child.start();
        await attemptsOf(3);
        assert.equal(child.pid, undefined);
        for (const one of finish) await one();
        await starting;
        assert.equal(await child.join(), 0);
        await check();
      }`);
  });

  it("long work in libuv's pool, and the child has the pool for itself", async () => {
    await run(`
      const owner = process.pid;
      for (const round of [1, 2]) {
        let turns = 0;
        const interval = setInterval(() => { turns += 1; }, 1);
        const work = Array.from({ length: 4 }, () => promisify(pbkdf2)('a', 'b', 2e5, 64, 'sha512').then(() => {
          assert.equal(process.pid, owner, 'an operation of the parent ended in the child');
        }));
        const before = attempts;
        const child = new Process({ target: useThePool });
        await child.start();
        clearInterval(interval);
        assert(attempts - before > 1, 'it forked at once');
        assert(turns > 0, 'the event loop stood still');
        assert.equal(await child.join(), 0);
        await Promise.all(work);
      }`);
  });
});
