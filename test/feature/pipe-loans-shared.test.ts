// Loans of connections in shared memory: whose they are, that all of it is given back, and where the memory of others is not to be had.
import path from 'node:path';
import { test } from 'vitest';
import { check } from '../fixtures/connection/loans.js';
import { describeEach } from '../support/start-methods.js';

const addon = JSON.stringify(path.resolve(import.meta.dirname, '../../dist/backend/addon.js'));
const MEMORY = `const { sync } = require(${addon}).loadAddon().addon;
  const taken = () => fs.fstatSync(sync.segmentFd()).blocks / 2;
  // Kibibytes, when nothing is kept for the next ones.
  const idle = async (most) => until(() => { sync.reap(); sync.queueTrim(); return taken() < most; });
`;

describeEach(
  'A loan of a connection in shared memory',
  (testCase) => {
    test('blocks the thread as sends and receives do', async () => {
      await check(
        testCase,
        `const [here, child] = await start(l.echoLoansSync);
        for (const size of [0, 1, 5000, 100_000, 2 << 20]) {
          const loan = here.loan(size), view = loan.bytes;
          view.fill(size % 251);
          here.sendLoanSync(loan);
          assert.equal(view.length, 0);
          const item = here.recvLoanSync();
          assert.ok(item.value.length === size && item.value.every((byte) => byte === size % 251));
          item.release();
        }
        here.sendSync(null);
        assert.equal(await child.join(), 0);
        assert.throws(() => here.recvLoanSync(), ended);
        const [left, reader] = await start(l.recvAll, 20);
        assert.throws(() => left.recvLoanSync({ timeout: 0 }), late);
        assert.throws(() => left.recvLoanSync({ timeout: 10 }), late);
        assert.throws(() => left.recvLoanSync({ timeout: -1 }), RangeError);
        // There is room for one at a time.
        for (const _ of range(20)) left.sendLoanSync(left.loan(300_000));
        assert.equal(await reader.join(), 0);
        assert.throws(() => left.sendLoanSync(left.loan(300_000)), broken);
        for (const loan of [undefined, null, 5, {}, Object.create(Loan.prototype)]) assert.throws(() => left.sendLoanSync(loan), { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT' });`,
      );
    });

    test('that is read takes no room in the pipe, and outlives it', async () => {
      await check(
        testCase,
        MEMORY +
          `const [here, there] = Pipe();
        await idle(8192);
        const before = taken();
        const items = [];
        for (const n of range(8)) {
          const loan = here.loan(1 << 20);
          loan.bytes.fill(n + 1);
          await here.sendLoan(loan, { timeout: 0 });
          items.push(there.recvLoanSync());
        }
        const unsent = here.loan(1 << 20);
        unsent.bytes.fill(99);
        here.close();
        there.close();
        await collected();
        assert.ok(items.every(({ value }, n) => value.length === 1 << 20 && value.every((byte) => byte === n + 1)));
        assert.ok(taken() > before + 9 * 1024);
        await assert.rejects(here.sendLoan(unsent), closed);
        assert.equal(unsent.bytes[1000], 99);
        for (const item of items) item.release();
        unsent.release();
        await idle(before + 1024);`,
      );
    });

    test('that nobody can reach is given back, and one whose array somebody can is not', async () => {
      await check(
        testCase,
        `const { sync } = require(${addon}).loadAddon().addon;
        const size = 1 << 20, units = (n) => n * 17;
        let views = [];
        const borrow = () => {
          const [here] = Pipe();
          for (const _ of range(20)) { const { bytes } = here.loan(size); bytes.fill(9); views.push(bytes); }
        };
        borrow();
        await collected();
        assert.ok(sync.queueTrim() >= units(20));
        assert.ok(views.every((view) => view.length === size && view[size - 1] === 9));
        views = [];
        await settle(() => sync.queueTrim() < units(1));
        const read = async () => {
          const [here, there] = Pipe();
          for (const _ of range(10)) {
            await here.sendLoan(here.loan(size));
            views.push((await there.recvLoan()).value);
          }
        };
        await read();
        await collected();
        assert.ok(sync.queueTrim() >= units(10));
        views = [];
        await settle(() => sync.queueTrim() < units(1));`,
      );
    });

    test('of what is no byte array is given back at once, also when it cannot be understood', async () => {
      await check(
        testCase,
        `const { sync } = require(${addon}).loadAddon().addon;
        const [here, there] = Pipe();
        const text = 'x'.repeat(1 << 20), items = [];
        for (const _ of range(4)) {
          await here.send({ text, tag: 1 });
          items.push(await there.recvLoan());
          await here.sendBytes(Buffer.alloc(1 << 20, 0xee));
          await assert.rejects(there.recvLoan(), { name: 'SerializationError' });
        }
        assert.ok(sync.queueTrim() < 17);
        assert.ok(items.every(({ value }) => value.text === text));`,
      );
    });

    test('of the killed gives its memory back', async () => {
      await check(
        testCase,
        MEMORY +
          `const round = async () => {
          const [here, child, line] = await startWithLine(l.borrowMany, 16, 1 << 20);
          assert.equal(await line.recv(), 'borrowed');
          await killed(child);
          assert.equal((await here.recvLoan()).value.length, 1 << 20);
          await assert.rejects(here.recvLoan(), ended);
          const [to, reader, other] = await startWithLine(l.readAndStay, 8);
          for (const n of range(8)) await to.send(Buffer.alloc(1 << 20, n));
          assert.deepEqual(await other.recv(), range(8));
          await killed(reader);
          for (const end of [here, line, to, other]) end.close();
        };
        await round();
        await collected();
        await idle(8192);
        const before = taken();
        for (const _ of range(4)) await round();
        await collected();
        await idle(before + 1024);`,
      );
    });

    test('of a worker_thread is given back when that is ended', async () => {
      await check(
        testCase,
        MEMORY +
          `const { Worker } = require('node:worker_threads');
        const [kept] = Pipe();
        const round = async () => {
          const thread = new Worker(\`
            const { Pipe } = require('node-multiprocessing');
            const [here, there] = Pipe();
            (async () => {
              globalThis.loans = [here, there];
              for (let i = 0; i < 8; i++) loans.push(here.loan(1 << 20));
              for (let i = 0; i < 8; i++) {
                await here.sendLoan(here.loan(1 << 20));
                loans.push(await there.recvLoan());
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
          await idle(before + 1024);
        }
        kept.close();`,
      );
    });

    test('comes from several processes that have the same end, and goes to several', async () => {
      await check(
        testCase,
        `const [here, there] = Pipe(), [line, its] = Pipe();
        const writers = [], readers = [];
        for (const who of [1, 2, 3]) {
          const child = new Process({ target: l.sendLoans, args: [there, who, 40] });
          await child.start();
          writers.push(child);
        }
        const next = new Map([[1, 0], [2, 0], [3, 0]]);
        for (const _ of range(120)) {
          const item = await here.recvLoan();
          const [who, n] = item.value;
          assert.equal(n, next.get(who));
          next.set(who, n + 1);
          assert.ok(item.value.every((byte, i) => i < 2 || byte === ((who * 7 + n) & 255)), who + ' ' + n);
          item.release();
        }
        for (const child of writers) assert.equal(await child.join(), 0);
        for (const _ of range(2)) {
          const child = new Process({ target: l.readAndStay, args: [there, its, 5] });
          await child.start();
          readers.push(child);
        }
        there.close();
        its.close();
        for (const n of range(10)) {
          const loan = here.loan(20_000);
          loan.bytes[0] = n;
          await here.sendLoan(loan);
        }
        const got = [...(await line.recv()), ...(await line.recv())];
        assert.deepEqual(got.sort((a, b) => a - b), range(10));
        for (const child of readers) await killed(child);
        await assert.rejects(here.sendLoan(here.loan(20_000)), broken);`,
      );
    });

    test('is copied where the runtime knows no memory of others', async () => {
      await check(
        testCase,
        `const { sync } = require(${addon}).loadAddon().addon;
        const { loanTake } = sync;
        sync.loanMake = () => undefined;
        sync.loanTake = (request, id) => loanTake(request, id, Infinity);
        const [here, there] = Pipe();
        const loan = here.loan(100_000), view = loan.bytes;
        view.fill(6);
        await here.sendLoan(loan);
        assert.equal(view.length, 0);
        const item = await there.recvLoan();
        assert.ok(item.value.length === 100_000 && item.value.every((byte) => byte === 6));
        const { value } = item;
        item.release();
        assert.equal(value.length, 0);`,
      );
    });

    test('is copied by a connection that is kept by a socket', async () => {
      await check(
        testCase,
        `const [here, there] = SocketPipe();
        for (const size of [0, 1, 20_000, 3 << 20]) {
          for (const sync of [false, size < 100_000]) {
            const loan = here.loan(size), view = loan.bytes;
            view.fill(6);
            const sending = sync ? here.sendLoanSync(loan) : here.sendLoan(loan);
            assert.equal(view.length, 0);
            const item = sync ? there.recvLoanSync() : await there.recvLoan();
            await sending;
            const { value } = item;
            assert.ok(value.length === size && value.every((byte) => byte === 6));
            item.release();
            assert.equal(value.length, 0);
          }
        }
        const [end] = Pipe();
        // Refused before it is begun, and once more on another try.
        const stuck = here.send(Buffer.alloc(8 << 20)), loan = here.loan(1000);
        loan.bytes.fill(3);
        await assert.rejects(here.sendLoan(loan, { timeout: 10 }), late);
        assert.equal(loan.bytes[999], 3);
        const sending = here.sendLoan(loan);
        await there.recv();
        assert.equal((await there.recvLoan()).value[999], 3);
        await Promise.all([stuck, sending]);
        const [carried, far] = SocketPipe();
        await here.send({ far });
        far.close();
        const item = await there.recvLoan();
        item.release();
        there.close();
        const nobody = here.loan(5);
        await assert.rejects(async () => { for (;;) await here.sendLoan(nobody); }, broken);
        assert.equal(nobody.bytes.length, 5);
        nobody.release();
        here.close();
        carried.close();
        end.close();`,
      );
    });
  },
  ({ backend }) => backend === 'native',
);

describeEach(
  'A loan of a connection and a fork',
  (testCase) => {
    test("is the parent's alone: the child neither sees nor frees it", async () => {
      await check(
        testCase,
        `const [here, there] = Pipe();
        const loan = here.loan(50_000), view = loan.bytes;
        view.fill(1);
        await here.send(Buffer.alloc(50_000, 2));
        await here.send([5]);
        const item = await there.recvLoan(), seen = item.value, plain = await there.recvLoan();
        // One waits for room.
        await here.sendLoan(here.loan(300_000));
        const waiting = here.loan(50_000);
        waiting.bytes.fill(3);
        const waits = here.sendLoan(waiting);
        await turn();
        const child = new Process({ target: async () => {
          for (const inherited of [loan, waiting]) {
            assert.throws(() => inherited.bytes, { ...state, message: /forked from/ });
            await assert.rejects(here.sendLoan(inherited), state);
            inherited.release();
          }
          assert.deepEqual([view.length, seen.length], [0, 0]);
          assert.throws(() => item.value, { ...state, message: /forked from/ });
          assert.equal(inspect(item), 'LoanedItem { of the parent }');
          assert.deepEqual(plain.value, [5]);
          item.release();
          await collected();
          assert.equal((await there.recv()).length, 300_000);
          for (const n of range(20)) {
            const own = here.loan(5_000);
            own.bytes.fill(100 + n);
            await here.sendLoan(own);
          }
        } });
        await child.start();
        assert.equal(await child.join(), 0);
        assert.ok(view.every((byte) => byte === 1) && seen.every((byte) => byte === 2));
        item.release();
        await waits;
        await here.sendLoan(loan, { timeout: 0 });
        const got = [];
        for (const _ of range(22)) got.push((await there.recv())[7]);
        const own = range(20).map((n) => 100 + n);
        // In its sender's order each.
        assert.deepEqual(got.filter((byte) => byte >= 100), own);
        assert.deepEqual(got.filter((byte) => byte < 100), [3, 1]);`,
      );
    });
  },
  ({ method, backend }) => method === 'fork' && backend === 'native',
);
