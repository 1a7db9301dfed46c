// Queues and pipes where no shared memory is left (ulimit -v): an error at the call that says so, nothing lost, and a later try that
// works. What the fallback has instead is in queue-memory.test.ts.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach, when } from '../support/start-methods.js';

/** Node itself takes up to 1.4 GiB of address space, and a quarter is to be found in one piece. */
const LIMIT_KIB = 4_000_000;

/** The body runs with so much address space, and these at hand. */
const limited = (body: string): string => `
if (!process.env.LIMITED) {
  const { spawnSync } = require('node:child_process');
  const own = [process.execPath, ...process.execArgv, __filename];
  const limit = ['-c', 'ulimit -v ${String(LIMIT_KIB)}; exec "$0" "$@"', ...own];
  process.exitCode = spawnSync('sh', limit, { stdio: 'inherit', env: { ...process.env, LIMITED: '1' } }).status;
  return;
}
const KIB = 1024, item = Buffer.alloc(8 * KIB * KIB, 7), short = Buffer.alloc(128 * KIB, 7);
const refused = (error) => {
  assert.ok(error instanceof mp.SystemError, error.stack);
  assert.deepEqual([error.code, error.errno, error.syscall], ['ENOSPC', -28, 'Allocate']);
  return true;
};
const queue = new Queue();
let filled = 0, drained = 0;
/** Puts numbered items until there is no memory for one more. */
const fill = (...items) => {
  for (const each of items) {
    for (;; filled++) {
      each.writeUInt32LE(filled);
      try { queue.putNowait(each); } catch (error) { refused(error); break; }
    }
  }
};
/** Gets so many of them, which are in order. */
const takeOut = (count = filled - drained) => {
  for (const _ of range(count)) {
    const got = queue.getNowait();
    assert.deepEqual([got.readUInt32LE(), got.at(-1)], [drained++, 7]);
  }
};
${body}`;

/** What there is for what is put, each in one of its own. */
const WAYS = `
const pipe = () => {
  const [here, there] = Pipe();
  return { here, there, put: (value) => here.send(value), get: () => there.recv() };
};
const written = (loan) => (loan.bytes.fill(7), loan);
const ways = {
  put: [() => new Queue(), (it) => it.put(short)],
  putSync: [() => new Queue(), (it) => it.putSync(short)],
  putNowait: [() => new Queue(), (it) => it.putNowait(short)],
  putMany: [() => new Queue(), (it) => it.putMany([short])],
  putLoan: [() => new Queue(), (it) => it.putLoan(written(it.loan(short.length)))],
  putLoanSync: [() => new Queue(), (it) => it.putLoanSync(written(it.loan(short.length)))],
  joinable: [() => new JoinableQueue(), (it) => it.put(short)],
  simple: [() => new SimpleQueue(), (it) => it.put(short)],
  simpleSync: [() => new SimpleQueue(), (it) => it.putSync(short)],
  send: [pipe, ({ here }) => here.send(short)],
  sendSync: [pipe, ({ here }) => here.sendSync(short)],
  sendBytes: [pipe, ({ here }) => here.sendBytes(short), ({ there }) => there.recvBytes()],
  sendLoan: [pipe, ({ here }) => here.sendLoan(written(here.loan(short.length)))],
};
`;

describeEach(
  'Without memory',
  (testCase) => {
    // Started by no method: once.
    when(testCase.method === 'spawn')(
      'all that puts or sends says so at the call, loses nothing, and works when something was got',
      async () => {
        await check(
          testCase,
          limited(`${WAYS}
          for (const [name, [make, put, get = (it) => it.get()]] of Object.entries(ways)) {
            const it = make();
            await it.put('before');
            fill(item, short);
            await assert.rejects(async () => put(it), refused, name);
            assert.equal(await it.get(), 'before');
            takeOut(1);
            await put(it);
            const got = await get(it);
            assert.deepEqual([name, got.length, got.at(-1)], [name, short.length, 7]);
          }
          fill(item);
          takeOut();
          assert.equal(queue.qsize(), 0);`),
        );
      },
    );

    when(testCase.method === 'spawn')('several at a time say how many were put', async () => {
      await check(
        testCase,
        limited(`
        const items = range(5).map((i) => Buffer.alloc(item.length, i));
        const it = new Queue();
        fill(item);
        takeOut(2);
        await assert.rejects(it.putMany(items), (error) => refused(error) && error.put === 2);
        assert.equal(it.qsize(), 2);
        for (const i of range(2)) assert.deepEqual(await it.get(), items[i]);
        takeOut(3);
        await it.putMany(items);
        for (const i of range(5)) assert.deepEqual(await it.get(), items[i]);
        takeOut();`),
      );
    });

    when(testCase.method === 'spawn')(
      'a loan that is given back makes room, and there is never more than a quarter of the address space',
      async () => {
        await check(
          testCase,
          limited(`
          const loans = [];
          await assert.rejects(async () => { for (;;) loans.push(queue.loan(item.length)); }, refused);
          const quarter = ${String(LIMIT_KIB)} * 1024 / 4, lent = loans.length * item.length;
          assert.ok(lent <= quarter && lent > quarter / 4, String(lent));
          assert.throws(() => queue.putSync(item), refused);
          for (const loan of loans.splice(1)) loan.release();
          fill(item);
          await assert.rejects(queue.put(item), refused);
          await assert.rejects(queue.put(item, { timeout: 50 }), refused);
          await queue.putLoan(loans[0]);
          takeOut();
          assert.equal((await queue.get()).length, item.length);`),
        );
      },
    );

    test('another process is told the same, and what it gets makes room', async () => {
      await check(
        testCase,
        limited(`
        const done = new Queue();
        fill(item);
        const [line, p] = await startWithLine(w.failToPut, queue, item.length);
        assert.equal(await line.recv(), 'ENOSPC');
        assert.equal(await p.join(), 0);
        assert.equal(queue.qsize(), filled);
        const getter = await start(w.getLengths, queue, done, 3);
        assert.equal(await done.get(), 3 * item.length);
        assert.equal(await getter.join(), 0);
        drained += 3;
        const before = filled;
        fill(item);
        assert.ok(filled - before >= 3, String(filled - before));
        takeOut();`),
      );
    });
  },
  ({ backend }) => backend === 'native',
);
