// What a program's own getters, and members that it has put over a signal's, can do to a call: nothing in the middle of it.
import path from 'node:path';
import { expect, test } from 'vitest';
import { describeEach, when } from '../support/start-methods.js';

const readOnce = path.resolve(import.meta.dirname, '..', 'fixtures', 'options', 'read-once.mjs');

describeEach('options', (testCase) => {
  test('are read once, and a signal is asked by the members of its class', async () => {
    const { code, stdout, stderr } = await testCase.run({ file: readOnce });
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      calls: true,
      failures: {},
      more: {},
      strangers: [],
      aborted: 'given up',
      before: 'given up',
    });
  });

  test('of a put, whose getters put something themselves, leave its item alone', async () => {
    const { code, stdout, stderr } = await testCase.run(
      `import { Queue } from 'node-multiprocessing';
      const queue = new Queue();
      const { signal } = new AbortController();
      const puts = (name, value) => ({
        get: () => (void queue.put('by the getter of ' + name), value),
        enumerable: true,
      });
      Object.defineProperty(signal, 'aborted', puts('aborted', false));
      const options = Object.defineProperties({}, { timeout: puts('timeout'), signal: puts('signal', signal) });
      await queue.put('the item', options);
      const items = [];
      while (queue.qsize() > 0) items.push(await queue.get());
      console.log(items.join());`,
      { esm: true },
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe('by the getter of timeout,by the getter of signal,the item\n');
  });

  test('of a form that blocks have no signal', async () => {
    const { code, stdout, stderr } = await testCase.run(
      `import { Condition, Event, JoinableQueue, Lock, Pipe, RLock, Semaphore, waitSync } from 'node-multiprocessing';
      import assert from 'node:assert/strict';
      const [a] = Pipe();
      const [lock, queue, condition] = [new Lock(), new JoinableQueue(), new Condition()];
      await condition.acquire();
      const forms = {
        acquire: (wait) => lock.acquireSync(wait),
        tryAcquire: (wait) => lock.acquireSync({ block: false, ...wait }),
        withLock: (wait) => lock.withLockSync(() => {}, wait),
        hold: (wait) => new RLock().holdSync(wait),
        reentrant: (wait) => new RLock().acquireSync(wait),
        semaphore: (wait) => new Semaphore().acquireSync(wait),
        condition: (wait) => condition.waitSync(wait),
        waitFor: (wait) => condition.waitForSync(() => true, wait),
        event: (wait) => new Event().waitSync(wait),
        put: (wait) => queue.putSync(1, wait),
        get: (wait) => queue.getSync(wait),
        join: (wait) => queue.joinSync(wait),
        recv: (wait) => a.recvSync(wait),
        poll: (wait) => a.pollSync(wait),
        wait: (wait) => waitSync([a], wait),
      };
      const { signal } = new AbortController();
      const refused = { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT', message: /(wait|options)\\.signal cannot end a wait/ };
      for (const [name, form] of Object.entries(forms)) assert.throws(() => form({ signal }), refused, name);
      assert.equal(lock.locked(), false);
      process.exit();`,
      { esm: true },
    );
    expect([code, stderr, stdout]).toEqual([0, '', '']);
  });

  test('with something else in place of a signal or a timeout are refused before anything is done', async () => {
    const { code, stdout, stderr } = await testCase.run(
      `import { Barrier, Queue } from 'node-multiprocessing';
      const queue = new Queue();
      const { signal } = new AbortController();
      const others = [new Proxy(signal, {}), Object.create(AbortSignal.prototype), { aborted: false }, 'signal', null];
      for (const other of others)
        await queue.put('item', { signal: other }).catch(({ code }) => console.log(code));
      try {
        new Barrier(1, { timeout: 5 }).waitSync({ timeout: null });
      } catch ({ code }) {
        console.log(code);
      }
      console.log(queue.qsize());`,
      { esm: true },
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`${'ERR_MP_INVALID_ARGUMENT\n'.repeat(6)}0\n`);
  });

  when(testCase.backend === 'native')(
    'count also where they are not its own properties',
    async () => {
      const { code, stdout, stderr } = await testCase.run(
        `import { RLock } from 'node-multiprocessing';
      class Briefly { get timeout() { return 50; } }
      const lock = new RLock();
      const mine = { holder: {} };
      await lock.acquire(mine);
      const calls = {
        withLock: () => lock.withLock(() => 1, new Briefly()),
        hold: () => lock.hold(new Briefly()),
        withLockSync: async () => lock.withLockSync(() => 1, new Briefly()),
        holdSync: async () => lock.holdSync(new Briefly()),
      };
      for (const call of Object.values(calls)) await call().catch(({ code }) => console.log(code));
      lock.release(mine);`,
        { esm: true },
      );
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toBe('ERR_MP_TIMEOUT\n'.repeat(4));
    },
  );
});
