// Loans in shared memory: whose they are, and that all of it is given back.
import path from 'node:path';
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

const addon = JSON.stringify(path.resolve(import.meta.dirname, '../../dist/backend/addon.js'));

describeEach(
  'A loan in shared memory',
  (testCase) => {
    test('blocks the thread as puts and gets do', async () => {
      await check(
        testCase,
        `const queue = new Queue(1);
        const loan = queue.loan(20_000);
        loan.bytes[0] = 5;
        queue.putLoanSync(loan);
        const next = queue.loan(20_000);
        assert.throws(() => queue.putLoanSync(next, { timeout: 0 }), full);
        assert.throws(() => queue.putLoanSync(next, { timeout: 10 }), full);
        assert.equal(next.bytes.length, 20_000);
        const child = await start(w.getAll, queue, 2);
        queue.putLoanSync(next);
        assert.equal(await child.join(), 0);
        assert.throws(() => queue.getLoanSync({ timeout: 10 }), empty);
        const producer = await start(w.produceLoans, queue, 1, 1);
        assert.equal(queue.getLoanSync().value[0], 1);
        assert.equal(await producer.join(), 0);`,
      );
    });

    test('that nobody can reach is given back, and one whose array somebody can is not', async () => {
      await check(
        testCase,
        `const { sync } = require(${addon}).loadAddon().addon;
        const queue = new Queue();
        const size = 1 << 20, units = (n) => n * 17;
        let views = [];
        const borrow = () => { for (const _ of range(20)) { const { bytes } = queue.loan(size); bytes.fill(9); views.push(bytes); } };
        borrow();
        await collected();
        assert.ok(sync.queueTrim() >= units(20));
        assert.ok(views.every((view) => view.length === size && view[size - 1] === 9));
        views = [];
        await settle(() => sync.queueTrim() < units(1));
        const read = async () => {
          for (const _ of range(10)) await queue.putLoan(queue.loan(size));
          for (const _ of range(10)) views.push((await queue.getLoan()).value);
        };
        await read();
        await collected();
        assert.ok(sync.queueTrim() >= units(10));
        views = [];
        await settle(() => sync.queueTrim() < units(1));`,
      );
    });

    test('of the killed gives its memory back', async () => {
      await check(
        testCase,
        `const { sync } = require(${addon}).loadAddon().addon;
        const taken = () => fs.fstatSync(sync.segmentFd()).blocks / 2;
        const queue = new Queue();
        const round = async () => {
          const [line, child] = await startWithLine(w.borrowMany, queue, 16, 1 << 20);
          await line.recv();
          await killed(child);
          for (const _ of range(8)) await queue.put(Buffer.alloc(1 << 20));
          const [reading, reader] = await startWithLine(w.readMany, queue, 8);
          await reading.recv();
          await killed(reader);
        };
        await round();
        await until(() => { sync.queueTrim(); return taken() < 8192; });
        const before = taken();
        for (const _ of range(4)) await round();
        await until(() => { sync.queueTrim(); return taken() < before + 1024; });`,
      );
    });

    test('of a worker_thread is given back when that is ended', async () => {
      await check(
        testCase,
        `const { Worker } = require('node:worker_threads');
        const { sync } = require(${addon}).loadAddon().addon;
        const queue = new Queue();
        const taken = () => fs.fstatSync(sync.segmentFd()).blocks / 2;
        const round = async () => {
          const thread = new Worker(\`
            const { Queue } = require('node-multiprocessing');
            const queue = new Queue();
            (async () => {
              globalThis.loans = [];
              for (let i = 0; i < 8; i++) loans.push(queue.loan(1 << 20));
              for (let i = 0; i < 8; i++) {
                await queue.putLoan(queue.loan(1 << 20));
                loans.push(await queue.getLoan());
              }
              require('node:worker_threads').parentPort.postMessage('ready');
              setInterval(() => {}, 1000);
            })();\`, { eval: true });
          assert.equal(await new Promise((resolve) => thread.once('message', resolve)), 'ready');
          assert.ok(taken() > 16_384);
          await thread.terminate();
        };
        const before = taken();
        for (const _ of range(3)) {
          await round();
          await until(() => { sync.reap(); sync.queueTrim(); return taken() < before + 1024; });
        }
        assert.equal(queue.qsize(), 0);`,
      );
    });

    test('that is got by get is copied once, behind its head', async () => {
      await check(
        testCase,
        `const { sync } = require(${addon}).loadAddon().addon;
        const { queueTake, pipeTake } = sync;
        let taken;
        sync.queueTake = (...args) => (taken = queueTake(...args));
        sync.pipeTake = (...args) => (taken = pipeTake(...args));
        const queue = new Queue(), [here, there] = Pipe();
        for (const size of [65_519, 65_520, 3 << 20]) {
          const inTwo = size + 16 >= 65_536;
          const give = async (lender, put) => {
            const loan = lender.loan(size);
            loan.bytes.fill(8);
            await lender[put](loan);
          };
          await give(queue, 'putLoan');
          const got = [await queue.get()];
          assert.equal(Array.isArray(taken), inTwo);
          await give(here, 'sendLoan');
          got.push(await there.recv());
          assert.equal(Array.isArray(taken), inTwo);
          // The whole message, for whoever wants bytes.
          await give(here, 'sendLoan');
          const raw = await there.recvBytes();
          assert.deepEqual([raw.length, raw[0], raw[15], raw[16]], [size + 16, 18, 0, 8]);
          // Whoever waits, and several at once.
          const waiting = queue.get();
          await give(queue, 'putLoan');
          got.push(await waiting);
          for (const _ of range(3)) await give(queue, 'putLoan');
          got.push(...(await queue.getMany(2)), ...(await queue.getMany(2)));
          for (const bytes of got) {
            assert.ok(Object.getPrototypeOf(bytes) === Uint8Array.prototype && bytes.length === size);
            assert.ok(bytes.every((byte) => byte === 8));
            assert.deepEqual([bytes.byteOffset, bytes.buffer.byteLength], [0, size]);
          }
        }`,
      );
    });

    test('has no bytes when it is put behind others that wait', async () => {
      await check(
        testCase,
        `const queue = new Queue(1);
        await queue.put('first');
        const waits = queue.put('second');
        const loan = queue.loan(30_000), view = loan.bytes;
        const behind = queue.putLoan(loan);
        assert.equal(view.length, 0);
        await assert.rejects(queue.putLoan(queue.loan(5), { timeout: 5 }), full);
        assert.equal(await queue.get(), 'first');
        await waits;
        assert.equal(await queue.get(), 'second');
        await behind;
        assert.equal((await queue.get()).length, 30_000);`,
      );
    });

    test('is copied where the runtime knows no memory of others', async () => {
      await check(
        testCase,
        `const { sync } = require(${addon}).loadAddon().addon;
        const { loanTake } = sync;
        sync.loanMake = () => undefined;
        sync.loanTake = (request, id) => loanTake(request, id, Infinity);
        const queue = new Queue();
        const loan = queue.loan(100_000), view = loan.bytes;
        view.fill(6);
        await queue.putLoan(loan);
        assert.equal(view.length, 0);
        const item = await queue.getLoan();
        assert.ok(item.value.length === 100_000 && item.value.every((byte) => byte === 6));
        const { value } = item;
        item.release();
        assert.equal(value.length, 0);`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);

describeEach(
  'A loan and a fork',
  (testCase) => {
    test("is the parent's alone: the child neither sees nor frees it", async () => {
      await check(
        testCase,
        `const queue = new Queue();
        const loan = queue.loan(50_000), view = loan.bytes;
        view.fill(1);
        await queue.put(Buffer.alloc(50_000, 2));
        await queue.put([5]);
        const item = await queue.getLoan(), seen = item.value, plain = await queue.getLoan();
        const child = new Process({ target: async () => {
          assert.throws(() => loan.bytes, { code: 'ERR_MP_STATE', message: /forked from/ });
          await assert.rejects(queue.putLoan(loan), { code: 'ERR_MP_STATE' });
          assert.deepEqual([view.length, seen.length], [0, 0]);
          assert.throws(() => item.value, { code: 'ERR_MP_STATE', message: /forked from/ });
          assert.equal(inspect(item), 'LoanedItem { of the parent }');
          assert.deepEqual(plain.value, [5]);
          loan.release();
          item.release();
          await collected();
          for (const n of range(20)) {
            const own = queue.loan(50_000);
            own.bytes.fill(100 + n);
            await queue.putLoan(own);
          }
        } });
        await child.start();
        assert.equal(await child.join(), 0);
        assert.ok(view.every((byte) => byte === 1) && seen.every((byte) => byte === 2));
        item.release();
        await queue.putLoan(loan);
        for (const n of range(20)) assert.equal((await queue.get())[7], 100 + n);
        assert.equal((await queue.get())[7], 1);`,
      );
    });
  },
  ({ method, backend }) => method === 'fork' && backend === 'native',
);
