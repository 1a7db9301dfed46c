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
        const item = await queue.getLoan(), seen = item.value;
        const child = new Process({ target: async () => {
          assert.throws(() => loan.bytes, { code: 'ERR_MP_STATE', message: /forked from/ });
          await assert.rejects(queue.putLoan(loan), { code: 'ERR_MP_STATE' });
          assert.deepEqual([view.length, seen.length], [0, 0]);
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
