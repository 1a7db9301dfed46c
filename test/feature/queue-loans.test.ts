// Items that are written and read in the queue's memory: everywhere the same, also where they are copied.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('A loan', (testCase) => {
  test('is written, put, got and released, whatever its size and whoever gets it how', async () => {
    await check(
      testCase,
      `const to = new Queue(), back = new Queue();
      const child = await start(w.echoLoans, to, back);
      for (const size of [0, 1, 100, 4096, 16_368, 16_384, 100_000, 3 << 20]) {
        const loan = to.loan(size);
        assert.equal(loan.size, size);
        assert.equal(loan.bytes.length, size);
        assert.equal(loan.bytes.byteOffset % 8, 0);
        const written = loan.bytes;
        for (let i = 0; i < size; i++) written[i] = (i * 31 + size) & 255;
        const expected = Buffer.from(written);
        await to.putLoan(loan);
        assert.equal(written.length, 0);
        assert.equal(inspect(loan), 'Loan { ' + size + ' bytes, was put }');
        const item = await back.getLoan();
        assert.ok(item.value instanceof Uint8Array && !Buffer.isBuffer(item.value));
        assert.ok(expected.equals(item.value));
        item.release();
        item.release();
        assert.throws(() => item.value, { code: 'ERR_MP_STATE' });
        // Once more, copied on both sides.
        await to.put(expected);
        const copy = await back.get();
        assert.ok(expected.equals(copy));
      }
      to.close();
      assert.equal(await child.join(), 0);`,
    );
  });

  test('has no bytes once it was put or released, and each item has one of its own', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const loan = queue.loan(50_000), view = loan.bytes, words = new Float64Array(view.buffer, view.byteOffset, 10);
      const put = queue.putLoan(loan);
      assert.deepEqual([view.length, words.length], [0, 0]);
      await put;
      const state = { code: 'ERR_MP_STATE' };
      assert.throws(() => loan.bytes, state);
      await assert.rejects(queue.putLoan(loan), state);
      loan.release();
      assert.equal(queue.qsize(), 1);
      const released = queue.loan(50_000), seen = released.bytes;
      released.release();
      released.release();
      assert.equal(seen.length, 0);
      assert.throws(() => released.bytes, state);
      await assert.rejects(queue.putLoan(released), state);
      const other = new Queue(), stray = other.loan(10);
      await assert.rejects(queue.putLoan(stray), { code: 'ERR_MP_STATE', message: /another queue/ });
      await other.putLoan(stray);
      assert.equal((await other.get()).length, 10);
      let borrowed;
      { const scoped = queue.loan(20); borrowed = scoped.bytes; scoped[Symbol.dispose](); }
      assert.equal(borrowed.length, 0);`,
    );
  });

  test('refuses what is no size, too large for the queue, or of a closed one', async () => {
    await check(
      testCase,
      `const queue = new Queue({ maxBytes: 1000 });
      for (const size of [-1, NaN, 1.5, Infinity, 2 ** 32, 1001, 985]) assert.throws(() => queue.loan(size), { name: 'RangeError', code: 'ERR_MP_OUT_OF_RANGE' });
      for (const size of [undefined, null, '1', 1n, {}]) assert.throws(() => queue.loan(size), { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT' });
      for (const loan of [undefined, null, {}, new Uint8Array(3), queue]) await assert.rejects(queue.putLoan(loan), { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT' });
      const loan = queue.loan(984);
      await assert.rejects(queue.putLoan(loan, { timeout: -1 }), RangeError);
      await assert.rejects(queue.getLoan({ timeout: 'x' }), TypeError);
      await queue.putLoan(loan);
      await assert.rejects(queue.putLoan(queue.loan(1), { timeout: 0 }), full);
      const late = queue.loan(5);
      queue.close();
      assert.throws(() => queue.loan(5), closed);
      await assert.rejects(queue.putLoan(late), closed);
      late.release();
      (await queue.getLoan()).release();
      await assert.rejects(queue.getLoan(), closed);
      const unbounded = new Queue();
      await assert.rejects(unbounded.getLoan({ timeout: 0 }), empty);
      await assert.rejects(unbounded.getLoan({ timeout: 10 }), empty);`,
    );
  });

  test('that there was no room for can be put once more, or released', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      await queue.put('first');
      const loan = queue.loan(40_000);
      loan.bytes.fill(7);
      const before = loan.bytes;
      await assert.rejects(queue.putLoan(loan, { timeout: 0 }), full);
      assert.equal(before.length, 0);
      assert.ok(loan.bytes.length === 40_000 && loan.bytes.every((byte) => byte === 7));
      await assert.rejects(queue.putLoan(loan, { timeout: 10 }), full);
      const abort = new AbortController();
      const aborted = queue.putLoan(loan, { signal: abort.signal });
      await turn();
      assert.throws(() => loan.bytes, { code: 'ERR_MP_STATE', message: /is being put/ });
      await assert.rejects(queue.putLoan(loan), { code: 'ERR_MP_STATE' });
      loan.release();
      abort.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      loan.bytes[0] = 8;
      const waits = queue.putLoan(loan);
      assert.equal(await queue.get(), 'first');
      await waits;
      const item = await queue.getLoan();
      assert.deepEqual([item.value[0], item.value[39_999]], [8, 7]);
      await queue.put('second');
      const unhappy = queue.loan(40_000), waiting = queue.putLoan(unhappy);
      await turn();
      queue.close();
      assert.equal(await queue.get(), 'second');
      await assert.rejects(waiting, closed);
      unhappy.release();
      item.release();`,
    );
  });

  test('does not travel, and its bytes do as any', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const loan = queue.loan(30_000);
      loan.bytes.fill(3);
      const item = await (async () => { await queue.put(Buffer.alloc(30_000, 4)); return queue.getLoan(); })();
      for (const one of [loan, item]) {
        await assert.rejects(queue.put({ one }), { name: 'SerializationError', message: /loan/ });
        assert.throws(() => structuredClone(one), { name: 'DataCloneError' });
      }
      const copies = [structuredClone(loan.bytes), structuredClone(item.value)];
      await queue.put([loan.bytes, item.value]);
      item.release();
      await queue.putLoan(loan);
      const got = await queue.get();
      assert.deepEqual(got.map((bytes) => [bytes.length, bytes[29_999]]), [[30_000, 3], [30_000, 4]]);
      assert.deepEqual(copies.map((bytes) => bytes[1]), [3, 4]);
      // Whoever has taken its memory away can still write to it.
      const taken = queue.loan(30_000);
      const { buffer } = taken.bytes;
      try {
        if (buffer.transfer) buffer.transfer();
        else structuredClone(buffer, { transfer: [buffer] });
      } catch (error) {
        assert.equal(error.name, 'DataCloneError');
      }
      if (buffer.byteLength === 0) await assert.rejects(queue.putLoan(taken), { code: 'ERR_MP_STATE', message: /transferred away/ });
      taken.release();`,
    );
  });

  test('of anything else is a copy', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const lock = new Lock();
      await queue.putMany([1, 'text', { a: [1, 2] }, lock, Buffer.alloc(20), null]);
      const items = [];
      for (const _ of range(6)) items.push(await queue.getLoan());
      assert.deepEqual(items[2].value, { a: [1, 2] });
      assert.equal(await items[3].value.acquire(), true);
      assert.equal(lock.locked(), true);
      assert.deepEqual([items[0].value, items[1].value, items[4].value, items[5].value], [1, 'text', Buffer.alloc(20), null]);
      const small = items[4].value;
      for (const item of items) item.release();
      assert.equal(small.length, 0);
      const big = { text: 'x'.repeat(100_000) };
      await queue.put(big);
      const got = await queue.getLoan();
      const { value } = got;
      got.release();
      assert.deepEqual(value, big);
      const joinable = new JoinableQueue();
      await joinable.putLoan(joinable.loan(50_000));
      const kept = await joinable.getLoan();
      joinable.taskDone();
      assert.equal(kept.value.length, 50_000);
      await joinable.join();`,
    );
  });

  test("of a process that was killed is nobody's, and what it had put is there", async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const [line, child] = await startWithLine(w.borrowAndStay, queue);
      assert.equal(await line.recv(), 'borrowed');
      await killed(child);
      queue.close();
      const items = await drain(queue);
      assert.deepEqual(items.map((bytes) => [bytes.length, bytes[0]]), [[60_000, 1]]);
      const read = new Queue();
      await read.put(Buffer.alloc(60_000, 1));
      await read.put(Buffer.alloc(60_000, 2));
      const [second, reader] = await startWithLine(w.readAndStay, read);
      assert.equal(await second.recv(), 1);
      await killed(reader);
      read.close();
      // What it had got was its own.
      assert.deepEqual((await drain(read)).map((bytes) => bytes[0]), [2]);`,
    );
  });

  test('that was got is given back at the end of its block', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      for (const [item, isLent] of [[new Uint8Array(50_000).fill(7), true], [Buffer.alloc(10, 7), true], [{ plain: 'value' }, false]]) {
        for (const gets of [() => queue.getLoan(), async () => queue.getLoanSync?.({ block: false }) ?? queue.getLoan()]) {
          await queue.put(item);
          const loaned = await gets();
          const { value } = loaned;
          assert.deepEqual(value, item);
          // As \`using\` does it, which not every version knows.
          loaned[Symbol.dispose]();
          assert.throws(() => loaned.value, { code: 'ERR_MP_STATE' });
          assert.equal(inspect(loaned), 'LoanedItem { released }');
          if (isLent) assert.equal(value.length, 0);
          else assert.deepEqual(value, item);
          loaned[Symbol.dispose]();
        }
      }`,
    );
  });

  test('holds what its writer has written, among many', async () => {
    await check(
      testCase,
      `const queue = new Queue(5);
      const children = [await start(w.produceLoans, queue, 1, 60), await start(w.produceLoans, queue, 2, 60)];
      queue.close();
      const next = new Map([[1, 0], [2, 0]]);
      for (let got = 0; got < 120; got++) {
        const item = await queue.getLoan();
        const bytes = item.value, who = bytes[0], n = bytes[1];
        assert.equal(n, next.get(who));
        next.set(who, n + 1);
        assert.ok(bytes.every((byte, i) => i < 2 || byte === ((who * 7 + n) & 255)), who + ' ' + n);
        item.release();
      }
      await assert.rejects(queue.getLoan(), closed);
      for (const child of children) assert.equal(await child.join(), 0);`,
    );
  });
});
