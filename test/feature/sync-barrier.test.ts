// Barriers among processes, under every start method and on both backends.
import { expect, test } from 'vitest';
import { check } from '../fixtures/synchronize/programs.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('Barrier', (testCase) => {
  test('breaks for all when a process that has it dies, not when one ends', async () => {
    await check(
      testCase,
      `const barrier = new Barrier(3);
      const [line, p] = await startWithLine(t.openAndEnd, barrier);
      await line.recv();
      assert.equal(await p.join(), 0);
      assert.equal(barrier.broken, false);
      const [line2, q] = await startWithLine(t.arrive, barrier);
      const [line3, r] = await startWithLine(t.openAndStay, barrier);
      await line2.recv();
      await line3.recv();
      const waiting = barrier.wait();
      r.kill();
      await assert.rejects(waiting, (error) => error instanceof mp.BrokenBarrierError && error.code === 'ERR_MP_BROKEN_BARRIER');
      const { error } = await line2.recv();
      assert.ok(error instanceof mp.BrokenBarrierError);
      assert.equal(barrier.broken, true);
      assert.equal(inspect(barrier), 'Barrier { broken }');
      await assert.rejects(barrier.wait(), { code: 'ERR_MP_BROKEN_BARRIER' });
      await r.join();
      assert.equal(await q.join(), 0);
      barrier.reset();
      assert.deepEqual((await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()])).sort(), [0, 1, 2]);`,
    );
  });

  test('a wait that ends early breaks it', async () => {
    await check(
      testCase,
      `const broken = { code: 'ERR_MP_BROKEN_BARRIER' };
      for (const early of [
        (b) => assert.rejects(b.wait({ timeout: 10 }), broken),
        (b) => assert.rejects(b.wait({ timeout: 0 }), broken),
        (b) => {
          const abort = new AbortController();
          const wait = b.wait({ signal: abort.signal });
          abort.abort(new Error('enough'));
          return assert.rejects(wait, { message: 'enough' });
        },
        async (b) => b.abort(),
        async (b) => b.reset(),
      ]) {
        const barrier = new Barrier(3);
        const other = barrier.wait();
        other.catch(() => {});
        await until(() => barrier.nWaiting === 1);
        await early(barrier);
        await assert.rejects(other, broken);
        assert.equal(barrier.nWaiting, 0);
      }
      await assert.rejects(new Barrier(2, { timeout: 10 }).wait(), broken);
      await assert.rejects(new Barrier(2).wait({ signal: AbortSignal.abort(new Error('no')) }), { message: 'no' });`,
    );
  });

  test('an action that fails breaks it, and the error is the runner’s', async () => {
    await check(
      testCase,
      `for (const action of [t.throwAction, async () => { throw new Error('the action failed'); }]) {
        const barrier = new Barrier(2, { action });
        const both = await Promise.allSettled([barrier.wait(), barrier.wait()]);
        assert.deepEqual(both.map(({ reason }) => reason.message === 'the action failed').sort(), [false, true]);
        assert.ok(both.some(({ reason }) => reason.code === 'ERR_MP_BROKEN_BARRIER'));
        assert.equal(barrier.broken, true);
      }
      const barrier = new Barrier(2, { action: () => barrier.abort() });
      const both = await Promise.allSettled([barrier.wait(), barrier.wait()]);
      assert.deepEqual(both.map(({ reason }) => reason.code), ['ERR_MP_BROKEN_BARRIER', 'ERR_MP_BROKEN_BARRIER']);`,
    );
  });

  test('an action that outlives a reset is no affair of who has met since', async () => {
    await check(
      testCase,
      `for (const fails of [false, true]) {
        const actions = [];
        const barrier = new Barrier(2, { action: () => new Promise((resolve, reject) => actions.push({ resolve, reject })) });
        const meet = () => Promise.allSettled([barrier.wait(), barrier.wait()]);
        const first = meet();
        await until(() => actions.length === 1);
        barrier.reset();
        const second = meet();
        await until(() => actions.length === 2);
        if (fails) actions[0].reject(Object.assign(new Error('too late'), { code: 'ERR_TOO_LATE' }));
        else actions[0].resolve();
        const codes = (await first).map(({ reason }) => reason?.code).sort();
        assert.deepEqual(codes, ['ERR_MP_BROKEN_BARRIER', fails ? 'ERR_TOO_LATE' : 'ERR_MP_BROKEN_BARRIER']);
        assert.equal(barrier.broken, false);
        assert.equal(barrier.nWaiting, 2);
        actions[1].resolve();
        assert.deepEqual((await second).map(({ value }) => value).sort(), [0, 1]);
      }`,
    );
  });

  test('a leader that ends during its action breaks it, however it ends', async () => {
    await check(
      testCase,
      `const lead = async (target, action, code) => {
        const barrier = new Barrier(2, { action });
        const waiting = assert.rejects(barrier.wait(), { code: 'ERR_MP_BROKEN_BARRIER' });
        await until(() => barrier.nWaiting === 1);
        const leader = new Process({ target, args: [barrier], stderr: 'ignore' });
        await leader.start();
        assert.equal(await leader.join(), code);
        await waiting;
        assert.equal(barrier.broken, true);
      };
      await lead(t.waitAt, t.exitAction, 0);
      await lead(t.waitAt, t.endlessAction, 1);
      if (native) await lead(t.waitSyncAt, t.exitAction, 0);`,
    );
  });

  test('a leader that gives up before it has been told breaks it', async () => {
    await check(
      testCase,
      `const event = new Event();
      const actions = [];
      const barrier = new Barrier(2, { action: () => new Promise((resolve) => actions.push(resolve)) });
      const abort = new AbortController();
      // More than are told at once, and the barrier's come after them.
      const many = Array.from({ length: 300 }, () => event.wait());
      many[0].then(() => abort.abort(new Error('enough')));
      const first = Promise.all([barrier.wait(), barrier.wait()]);
      await until(() => actions.length === 1);
      const other = barrier.wait();
      const last = barrier.wait({ signal: abort.signal });
      actions[0]();
      event.set();
      const ends = await Promise.allSettled([other, last]);
      assert.deepEqual(ends.map(({ reason }) => reason.code ?? reason.message), ['ERR_MP_BROKEN_BARRIER', 'enough']);
      assert.equal(barrier.broken, true);
      assert.equal(actions.length, 1);
      await Promise.all([first, ...many]);`,
    );
  });

  test('the action runs once, in the process that came last', async () => {
    const stdout = await check(
      testCase,
      `for (const action of [t.printAction, t.asyncAction, mp.taskRef(t.filename, 'printAction')]) {
        const barrier = new Barrier(2, { action });
        const first = barrier.wait();
        const [line, p] = await startWithLine(t.arrive, barrier);
        assert.equal(await first, 0);
        await line.recv();
        assert.deepEqual(await line.recv(), { index: 1 });
        assert.equal(await p.join(), 0);
      }
      const [here] = Pipe();
      const nameless = new Barrier(2, { action: () => here });
      await turn();
      await turn();
      await assert.rejects(here.send(nameless), { code: 'ERR_MP_SERIALIZATION' });`,
    );
    expect(stdout).toBe('action\n'.repeat(3));
  });

  when(testCase.backend === 'native')('the blocking forms', async () => {
    await check(
      testCase,
      `const barrier = new Barrier(2, { action: t.printAction, timeout: 60_000 });
      const [line, p] = await startWithLine(t.arrive, barrier);
      await line.recv();
      const index = barrier.waitSync();
      assert.deepEqual([index, (await line.recv()).index].sort(), [0, 1]);
      await p.join();
      assert.throws(() => barrier.waitSync({ timeout: 10 }), { code: 'ERR_MP_BROKEN_BARRIER' });
      const hasty = new Barrier(2, { timeout: 1 });
      assert.throws(() => hasty.waitSync(), { message: /within 1 ms/ });
      hasty.reset();
      const before = performance.now();
      assert.throws(() => hasty.waitSync({ timeout: 20 }), { message: /within 20 ms/ });
      assert.ok(performance.now() - before >= 19);
      const alone = new Barrier(1, { action: async () => {} });
      assert.throws(() => alone.waitSync(), { code: 'ERR_MP_STATE' });
      assert.equal(alone.broken, true);`,
    );
  });

  test('what the arguments may be', async () => {
    await check(
      testCase,
      `for (const parties of [0, -1, 1.5, NaN, Infinity, 4096]) assert.throws(() => new Barrier(parties), RangeError);
      for (const parties of [undefined, null, '2', {}]) assert.throws(() => new Barrier(parties), TypeError);
      for (const options of [null, 5, { action: 5 }, { timeout: '1' }]) assert.throws(() => new Barrier(2, options), TypeError);
      assert.throws(() => new Barrier(2, { timeout: -1 }), RangeError);
      assert.equal(new Barrier(4095).parties, 4095);
      await assert.rejects(new Barrier(2).wait({ timeout: NaN }), RangeError);
      await assert.rejects(new Barrier(2).wait(null), TypeError);`,
    );
  });
});
