// Values that are written and read in a pipe's memory: everywhere the same, also where they are copied.
import { test } from 'vitest';
import { check } from '../fixtures/connection/loans.js';
import { describeEach } from '../support/start-methods.js';

describeEach('A loan of a connection', (testCase) => {
  test('is written, sent, received and released, whatever its size and whoever receives it how', async () => {
    await check(
      testCase,
      `const [here, child] = await start(l.echoLoans);
      for (const size of [0, 1, 100, 4096, 16_368, 16_384, 65_519, 65_520, 100_000, 3 << 20]) {
        const loan = here.loan(size);
        assert.ok(loan instanceof Loan);
        assert.deepEqual([loan.size, loan.bytes.length, loan.bytes.byteOffset % 8], [size, size, 0]);
        const written = loan.bytes;
        for (let i = 0; i < size; i++) written[i] = (i * 31 + size) & 255;
        const expected = Buffer.from(written);
        await here.sendLoan(loan);
        assert.equal(written.length, 0);
        assert.equal(inspect(loan), 'Loan { ' + size + ' bytes, was sent }');
        const item = await here.recvLoan();
        assert.ok(item instanceof LoanedItem);
        assert.ok(item.value instanceof Uint8Array && !Buffer.isBuffer(item.value));
        assert.ok(expected.equals(item.value));
        const seen = item.value;
        item.release();
        item.release();
        assert.equal(seen.length, 0);
        assert.throws(() => item.value, state);
        // Once more, copied on both sides.
        await here.send(expected);
        const copy = await here.recv();
        assert.ok(Buffer.isBuffer(copy) && expected.equals(copy));
        // And as a loan that is received as a copy, of a memory of its own, also by whoever waits.
        for (const waits of [false, true]) {
          const [left, right] = Pipe();
          const second = left.loan(size);
          second.bytes.set(expected);
          const waiting = waits ? right.recv() : undefined;
          await left.sendLoan(second);
          const got = await (waiting ?? right.recv());
          assert.ok(!Buffer.isBuffer(got) && expected.equals(got));
          assert.deepEqual([got.byteOffset, got.buffer.byteLength], [0, size]);
          structuredClone(got.buffer, { transfer: [got.buffer] });
          left.close();
          right.close();
        }
      }
      here.close();
      assert.equal(await child.join(), 0);`,
    );
  });

  test('has no bytes once it was sent or released, and is of one connection', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const loan = here.loan(50_000), view = loan.bytes, words = new Float64Array(view.buffer, view.byteOffset, 10);
      const sent = here.sendLoan(loan);
      assert.deepEqual([view.length, words.length], [0, 0]);
      await sent;
      assert.throws(() => loan.bytes, state);
      await assert.rejects(here.sendLoan(loan), state);
      loan.release();
      assert.equal((await there.recv()).length, 50_000);
      assert.equal(await there.poll(), false);
      const released = here.loan(50_000), seen = released.bytes;
      released.release();
      released.release();
      assert.equal(seen.length, 0);
      assert.throws(() => released.bytes, state);
      await assert.rejects(here.sendLoan(released), state);
      const queue = new Queue(), ofQueue = queue.loan(10), stray = here.loan(10);
      await assert.rejects(there.sendLoan(stray), { ...state, message: /another connection/ });
      await assert.rejects(queue.putLoan(stray), { ...state, message: /of a connection: borrow one from this queue/ });
      await assert.rejects(here.sendLoan(ofQueue), { ...state, message: /of a queue: borrow one from this connection/ });
      await here.sendLoan(stray);
      await queue.putLoan(ofQueue);
      assert.equal((await there.recv()).length, 10);
      let borrowed;
      { const scoped = here.loan(20); borrowed = scoped.bytes; scoped[Symbol.dispose](); }
      assert.equal(borrowed.length, 0);`,
    );
  });

  test('refuses what is no size and no loan, and an end that does not send, or is closed', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      for (const size of [-1, NaN, 1.5, Infinity, 2 ** 32, 2 ** 32 - 16]) assert.throws(() => here.loan(size), { name: 'RangeError', code: 'ERR_MP_OUT_OF_RANGE', message: /size/ });
      for (const size of [undefined, null, '1', 1n, {}, Symbol('one')]) assert.throws(() => here.loan(size), { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT', message: /size/ });
      for (const loan of [undefined, null, {}, new Uint8Array(3), here, Loan.prototype]) await assert.rejects(here.sendLoan(loan), { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT', message: /loan/ });
      const loan = here.loan(984);
      for (const wait of [{ timeout: -1 }, { timeout: NaN }]) await assert.rejects(here.sendLoan(loan, wait), RangeError);
      for (const wait of [{ timeout: 'x' }, { signal: {} }, 5, null]) {
        await assert.rejects(here.sendLoan(loan, wait), TypeError);
        await assert.rejects(there.recvLoan(wait), TypeError);
      }
      await assert.rejects(here.sendLoan(loan, { signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' });
      await assert.rejects(there.recvLoan({ signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' });
      await assert.rejects(there.recvLoan({ timeout: 0 }), late);
      await assert.rejects(there.recvLoan({ timeout: 10 }), late);
      assert.equal(loan.bytes.length, 984);
      await here.sendLoan(loan, { timeout: 0 });
      const [receives, sends] = Pipe({ duplex: false });
      assert.throws(() => receives.loan(5), state);
      await assert.rejects(sends.recvLoan(), state);
      await sends.sendLoan(sends.loan(5));
      assert.equal((await receives.recvLoan()).value.length, 5);
      const unsent = here.loan(5), view = unsent.bytes;
      here.close();
      assert.throws(() => here.loan(5), closed);
      await assert.rejects(here.sendLoan(unsent), closed);
      await assert.rejects(here.recvLoan(), closed);
      assert.equal(view.length, 5);
      unsent.release();
      assert.equal(view.length, 0);
      // What was sent is there, then comes the end.
      (await there.recvLoan()).release();
      await assert.rejects(there.recvLoan(), ended);
      const nobody = there.loan(40_000);
      nobody.bytes.fill(5);
      await assert.rejects(there.sendLoan(nobody), broken);
      assert.ok(nobody.bytes.length === 40_000 && nobody.bytes.every((byte) => byte === 5));
      await assert.rejects(there.sendLoan(nobody), broken);
      nobody.release();
      for (const method of ['sendLoanSync', 'recvLoanSync']) {
        const [one, other] = Pipe();
        if (!native) assert.throws(() => one[method](method === 'sendLoanSync' ? one.loan(1) : undefined), { code: 'ERR_MP_NOT_SUPPORTED' });
      }`,
    );
  });

  test('that there was no room for can be sent once more, or released, and keeps its turn', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      // More than there is room for, in the pipe and on the way to it.
      const first = here.loan(4 << 20), filled = here.sendLoan(first);
      const before = [];
      for (;;) {
        const sending = here.send(Buffer.alloc(1 << 20, before.length));
        before.push(sending);
        if ((await Promise.race([sending, sleep(50, 'waits')])) === 'waits') break;
      }
      const loan = here.loan(40_000);
      loan.bytes.fill(7);
      const seen = loan.bytes;
      await assert.rejects(here.sendLoan(loan, { timeout: 0 }), late);
      assert.equal(seen.length, 0);
      assert.ok(loan.bytes.length === 40_000 && loan.bytes.every((byte) => byte === 7));
      await assert.rejects(here.sendLoan(loan, { timeout: 10 }), late);
      const abort = new AbortController();
      const again = loan.bytes;
      const aborted = here.sendLoan(loan, { signal: abort.signal });
      // At once, although others are before it.
      assert.equal(again.length, 0);
      await turn();
      assert.throws(() => loan.bytes, { ...state, message: /is being sent/ });
      await assert.rejects(here.sendLoan(loan), state);
      loan.release();
      abort.abort(new Error('enough'));
      await assert.rejects(aborted, { message: 'enough' });
      loan.bytes[0] = 8;
      const waits = here.sendLoan(loan), behind = here.send('behind');
      assert.equal((await there.recvLoan()).value.length, 4 << 20);
      for (const [n] of before.entries()) assert.deepEqual([(await there.recv())[9], n], [n, n]);
      const item = await there.recvLoan();
      await Promise.all([filled, ...before, waits, behind]);
      assert.deepEqual([item.value[0], item.value[39_999]], [8, 7]);
      assert.equal(await there.recv(), 'behind');
      item.release();
      // Closed while it waits.
      const stuck = range(12).map(() => here.loan(1 << 20)), sending = stuck.map((one) => here.sendLoan(one).then(() => 'sent', (error) => error.code));
      await sleep(50);
      here.close();
      const codes = await Promise.all(sending);
      assert.ok(codes.includes('ERR_MP_CLOSED'), String(codes));
      for (const [n, code] of codes.entries()) {
        if (code === 'sent') continue;
        assert.equal(stuck[n].bytes.length, 1 << 20);
        stuck[n].release();
      }
      for (const code of codes) if (code === 'sent') (await there.recvLoan()).release();`,
    );
  });

  test('does not travel, and its bytes do as any', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const loan = here.loan(30_000);
      loan.bytes.fill(3);
      await there.send(Buffer.alloc(30_000, 4));
      const item = await here.recvLoan();
      for (const one of [loan, item]) {
        await assert.rejects(here.send({ one }), { name: 'SerializationError', message: /loan/ });
        assert.throws(() => structuredClone(one), { name: 'DataCloneError' });
      }
      const copies = [structuredClone(loan.bytes), structuredClone(item.value)];
      await here.send([loan.bytes, item.value]);
      await here.sendBytes(item.value);
      item.release();
      await here.sendLoan(loan);
      const got = await there.recv();
      assert.deepEqual(got.map((bytes) => [bytes.length, bytes[29_999]]), [[30_000, 3], [30_000, 4]]);
      assert.equal((await there.recvBytes()).length, 30_000);
      assert.deepEqual(copies.map((bytes) => bytes[1]), [3, 4]);
      // As bytes, the message that it is: so it is understood when it is passed on.
      const raw = await there.recvBytes();
      assert.deepEqual([raw.length, raw[16], raw[30_015]], [30_016, 3, 3]);
      await here.sendBytes(raw);
      assert.equal((await there.recv())[29_999], 3);
      await here.sendBytes(raw);
      assert.equal((await there.recvLoan()).value[29_999], 3);
      // Whoever has taken its memory away can still write to it.
      const transfer = (buffer) => {
        try {
          if (buffer.transfer) buffer.transfer();
          else structuredClone(buffer, { transfer: [buffer] });
        } catch (error) {
          assert.equal(error.name, 'DataCloneError');
        }
        return buffer.byteLength === 0;
      };
      const taken = here.loan(30_000);
      if (transfer(taken.bytes.buffer)) await assert.rejects(here.sendLoan(taken), { ...state, message: /transferred away/ });
      taken.release();
      for (const size of [10, 30_000]) {
        await here.send(new Uint8Array(size));
        const away = await there.recvLoan();
        transfer(away.value.buffer);
        away.release();
        away.release();
      }`,
    );
  });

  test('of anything else is a copy, with what it carries', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      const lock = new Lock(), queue = new Queue();
      const [mine, its] = Pipe();
      const values = [1, 'text', { a: [1, 2] }, lock, Buffer.alloc(20), null, { its, frame: Buffer.alloc(50_000, 9), queue }, Array.from({ length: 30_000 }, (_, i) => i)];
      for (const value of values) await here.send(value);
      its.close();
      const items = [];
      for (const _ of values) items.push(await there.recvLoan());
      assert.deepEqual(items[2].value, { a: [1, 2] });
      assert.equal(await items[3].value.acquire(), true);
      assert.equal(lock.locked(), true);
      assert.deepEqual([items[0].value, items[1].value, items[4].value, items[5].value, items[7].value[29_999]], [1, 'text', Buffer.alloc(20), null, 29_999]);
      const small = items[4].value, { its: arrived, frame, queue: same } = items[6].value;
      for (const item of items) item.release();
      assert.equal(small.length, 0);
      assert.ok(frame.length === 50_000 && frame[49_999] === 9);
      await arrived.send('through it');
      assert.equal(await mine.recv(), 'through it');
      await same.put(5);
      assert.equal(await queue.get(), 5);
      arrived.close();
      await assert.rejects(mine.recvLoan(), ended);
      const big = { text: 'x'.repeat(100_000), parts: [Buffer.alloc(70_000, 1), new Uint8Array(80_000).fill(2)] };
      for (const waits of [false, true]) {
        const waiting = waits ? there.recvLoan() : undefined;
        await here.send(big);
        const got = await (waiting ?? there.recvLoan());
        const { value } = got;
        got.release();
        assert.deepEqual(value, big);
      }
      // What is no value: it is gone, and the next one comes.
      for (const size of [3, 20_000]) {
        await here.sendBytes(Buffer.alloc(size, 0xee));
        await here.send('next');
        await assert.rejects(there.recvLoan(), { name: 'SerializationError' });
        assert.equal((await there.recvLoan()).value, 'next');
      }
      await here.sendBytes(Buffer.alloc(0));
      await assert.rejects(there.recvLoan(), { name: 'SerializationError' });`,
    );
  });

  test('of a message that cannot be understood leaves no end of it open', async () => {
    await check(
      testCase,
      `class Unknown {}
      mp.registerReducer(Unknown, () => 0, () => { throw new Error('not here'); }, 'unknown');
      const [here, there] = Pipe();
      for (const padding of [0, 50_000]) {
        for (const receive of [() => there.recvLoan(), async () => (native ? there.recvLoanSync() : there.recvLoan())]) {
          const [mine, its] = Pipe();
          await here.send([new Unknown(), its, Buffer.alloc(padding)]);
          its.close();
          await assert.rejects(receive, { name: 'SerializationError' });
          await assert.rejects(mine.recvLoan(), ended);
        }
      }`,
    );
  });

  test("of a process that was killed is nobody's, and what it had sent is there, and then the end", async () => {
    await check(
      testCase,
      `const [here, child, line] = await startWithLine(l.borrowAndStay);
      assert.equal(await line.recv(), 'borrowed');
      await killed(child);
      const item = await here.recvLoan();
      assert.deepEqual([item.value.length, item.value[0]], [60_000, 1]);
      await assert.rejects(here.recvLoan(), ended);
      // What was read stays, whatever becomes of its pipe.
      here.close();
      assert.equal(item.value[59_999], 1);
      item.release();
      const [to, reader, other] = await startWithLine(l.readAndStay, 1);
      await to.send(Buffer.alloc(60_000, 1));
      assert.deepEqual(await other.recv(), [1]);
      const loan = to.loan(60_000);
      await killed(reader);
      await assert.rejects(to.sendLoan(loan), broken);
      loan.release();`,
    );
  });

  test('that was received is given back at the end of its block', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      for (const [value, isLent] of [[new Uint8Array(50_000).fill(7), true], [Buffer.alloc(10, 7), true], [{ plain: 'value' }, false]]) {
        for (const receives of [() => there.recvLoan(), async () => (native ? there.recvLoanSync() : there.recvLoan())]) {
          await here.send(value);
          const loaned = await receives();
          const got = loaned.value;
          assert.deepEqual(got, value);
          // As \`using\` does it, which not every version knows.
          loaned[Symbol.dispose]();
          assert.throws(() => loaned.value, state);
          assert.equal(inspect(loaned), 'LoanedItem { released }');
          if (isLent) assert.equal(got.length, 0);
          else assert.deepEqual(got, value);
          loaned[Symbol.dispose]();
        }
      }`,
    );
  });

  test('holds what its writer has written, among many', async () => {
    await check(
      testCase,
      `const [here, child] = await start(l.sendLoans, 1, 60);
      for (let n = 0; n < 60; n++) {
        const item = await here.recvLoan();
        const bytes = item.value;
        assert.deepEqual([bytes[0], bytes[1]], [1, n]);
        assert.ok(bytes.every((byte, i) => i < 2 || byte === ((7 + n) & 255)), String(n));
        item.release();
      }
      await assert.rejects(here.recvLoan(), ended);
      assert.equal(await child.join(), 0);`,
    );
  });
});
