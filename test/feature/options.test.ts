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
      `import { Barrier, Condition, Event, JoinableQueue, Lock, Pipe, Process, RLock, Semaphore, waitSync } from 'node-multiprocessing';
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
        process: (wait) => new Process().joinSync(wait),
        barrier: (wait) => new Barrier(1).waitSync(wait),
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

  test('that are not known are refused, with the one that was meant', async () => {
    const { code, stdout, stderr } = await testCase.run(
      `import { Barrier, Condition, Event, getContext, getStartMethod, JoinableQueue, Lock, NamedSemaphore, Pipe, Pool, Process,
        ProcessPoolExecutor, Queue, RLock, Semaphore, asCompleted, registerAtFork, wait, waitFutures } from 'node-multiprocessing';
      import assert from 'node:assert/strict';
      const [a] = Pipe();
      const [lock, rlock, queue, condition] = [new Lock(), new RLock(), new JoinableQueue(), new Condition()];
      const [pool, executor] = [new Pool(1), new ProcessPoolExecutor(1)];
      const f = () => {};
      const calls = [
        [() => new Process({ traget: f }), 'options.traget is not known: did you mean target?'],
        [() => new Process({ target: f, deamon: true }), 'options.deamon is not known: did you mean daemon?'],
        [() => new (getContext('spawn').Process)({ kwargs: {} }), 'options.kwargs is not known: the options are target, args, name, daemon, stdout, stderr'],
        [() => new Process().join({ timeut: 5 }), 'wait.timeut is not known: did you mean timeout?'],
        [() => new Process().joinSync({ timeOut: 5 }), 'wait.timeOut is not known: did you mean timeout?'],
        [() => new Pool({ maxtasksperchild: 1 }), 'options.maxtasksperchild is not known: did you mean maxTasksPerChild?'],
        [() => new Pool({ maxWorkers: 1 }), /^options.maxWorkers is not known: the options are processes, /],
        [() => new (getContext('spawn').Pool)({ process: 1 }), 'options.process is not known: did you mean processes?'],
        [() => pool.map(f, [], { chunk_size: 1 }), 'options.chunk_size is not known: did you mean chunkSize?'],
        [() => pool.imap(f, [], { bufer: 1 }), 'options.bufer is not known: did you mean buffer?'],
        [() => pool.apply(f, [], { retries: 1 }), /^options.retries is not known: the options are /],
        [() => pool.join({ seconds: 1 }), 'wait.seconds is not known: the options are timeout, signal'],
        [() => pool.ready({ tiemout: 1 }), 'wait.tiemout is not known: did you mean timeout?'],
        [() => new ProcessPoolExecutor({ max_workers: 1 }), 'options.max_workers is not known: did you mean maxWorkers?'],
        [() => new (getContext('spawn').ProcessPoolExecutor)({ processes: 1 }), /^options.processes is not known: the options are /],
        [() => executor.shutdown({ cancelFuture: true }), 'options.cancelFuture is not known: did you mean cancelFutures?'],
        [() => waitFutures([], { returnwhen: 'FIRST_COMPLETED' }), 'options.returnwhen is not known: did you mean returnWhen?'],
        [() => asCompleted([], { timout: 1 }), 'wait.timout is not known: did you mean timeout?'],
        [() => new Queue({ maxsize: 1 }), 'options.maxsize is not known: did you mean maxSize?'],
        [() => new Queue({ onConsumerDied: 'count' }), 'options.onConsumerDied is not known: the options are maxSize, maxBytes'],
        [() => new JoinableQueue({ onConsumerDies: 'count' }), 'options.onConsumerDies is not known: did you mean onConsumerDied?'],
        [() => queue.put(1, { bolck: false }), 'options.bolck is not known: did you mean block?'],
        [() => queue.getSync({ wait: 1 }), /^options.wait is not known/],
        [() => queue.getMany(1, { block: false }), /^wait.block is not known/],
        [() => Pipe({ duplx: false }), 'options.duplx is not known: did you mean duplex?'],
        [() => a.recv({ timout: 5 }), 'wait.timout is not known: did you mean timeout?'],
        [() => a.recvBytes({ maxlength: 5 }), 'options.maxlength is not known: did you mean maxLength?'],
        [() => a.recvBytesIntoSync(new Uint8Array(1), { offest: 1 }), 'options.offest is not known: did you mean offset?'],
        [() => a.sendBytesSync(new Uint8Array(1), { length: 1 }), 'options.length is not known: the options are offset, size'],
        [() => wait([a], { timout: 1 }), 'wait.timout is not known: did you mean timeout?'],
        [() => new Lock({ takeAbandonned: true }), 'options.takeAbandonned is not known: did you mean takeAbandoned?'],
        [() => lock.acquire({ blocking: false }), /^options.blocking is not known/],
        [() => rlock.withLock(f, { holdr: {} }), 'options.holdr is not known: did you mean holder?'],
        [() => new Semaphore().acquireSync({ timout: 5 }), 'options.timout is not known: did you mean timeout?'],
        [() => condition.waitFor(f, { timout: 5 }), 'wait.timout is not known: did you mean timeout?'],
        [() => new Event().wait({ timout: 5 }), 'wait.timout is not known: did you mean timeout?'],
        [() => new Barrier(1, { actoin: f }), 'options.actoin is not known: did you mean action?'],
        [() => NamedSemaphore.create('never-made', 1, { exclusiv: true }), 'options.exclusiv is not known: did you mean exclusive?'],
        [() => getStartMethod({ allow_none: true }), 'options.allow_none is not known: did you mean allowNone?'],
        [() => registerAtFork({ afterInChld: f }), 'hooks.afterInChld is not known: did you mean afterInChild?'],
      ];
      for (const [call, message] of calls)
        await assert.rejects(async () => call(), { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT', message }, String(call));
      assert.equal(queue.qsize(), 0);
      assert.equal(lock.locked(), false);
      pool.close();
      await Promise.all([pool.join(), executor.shutdown()]);
      process.exit();`,
      { esm: true },
    );
    expect([code, stderr, stdout]).toEqual([0, '', '']);
  });

  test('of a subclass may be among those that it hands on, unless they look like ours', async () => {
    const { code, stdout, stderr } = await testCase.run(
      `import { Process, registerAtFork } from 'node-multiprocessing';
      import assert from 'node:assert/strict';
      class Job extends Process {
        constructor(options) {
          super(options);
          this.tags = options.tags;
        }
        run() {}
      }
      const job = new Job({ name: 'tagged', tags: ['a'], node: 3, stdin: null, url: 'b' });
      assert.deepEqual([job.name, job.tags], ['tagged', ['a']]);
      assert.throws(() => new Job({ tags: [], dameon: true }), { message: 'options.dameon is not known: did you mean daemon?' });
      registerAtFork({ client: 'mine', before() {} })();`,
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
