// Semaphores that other programs share by name: in C, in Python, and in processes of ours.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram, type ProgramOptions } from '../support/clean-node.js';
import { cases, describeEach, when } from '../support/start-methods.js';

const fixtures = path.resolve(import.meta.dirname, '..', 'fixtures', 'sync');
const isNative = cases.some(({ backend }) => backend === 'native') && process.platform === 'linux';
const native = when(isNative);
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'named-'));
  const made = path.join(folder, 'named');
  execFileSync('cc', ['-pthread', '-o', made, path.join(fixtures, 'named.c')]);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The body has `sem`, without a permit, of the name `name`; both are gone after it. */
async function check(body: string, options: ProgramOptions = {}): Promise<void> {
  const source = `
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const readline = require('node:readline');
const { NamedSemaphore, Process, Pipe, ClosedError, fork, exitNow, setStartMethod } = require('node-multiprocessing');
const program = ${JSON.stringify(path.join(folder, 'named'))};
const name = '/mp-test-' + process.pid;
const threads = () => fs.readdirSync('/proc/self/task').length;
const descriptors = () => fs.readdirSync('/proc/self/fd').length;

function other(...args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value, ended: once(child, 'exit') };
}
/** The waiters that glibc has noted in the semaphore's file. */
const noted = () => fs.readFileSync('/dev/shm/sem.' + name.slice(1)).readUInt32LE(4);
const waiters = async (n) => { while (noted() !== n) await new Promise(setImmediate); };

async function main() {
  if (process.env.MP_TEST_START_METHOD) setStartMethod(process.env.MP_TEST_START_METHOD);
  const sem = NamedSemaphore.create(name, 0, { exclusive: true });
  try {
    ${body}
  } finally {
    NamedSemaphore.unlink(name);
    sem.close();
  }
}
if (require.main === module) main();
`;
  const env = { MULTIPROCESSING_BACKEND: 'native', ...options.env };
  const { code, signal, stderr } = await runProgram(source, { ...options, env });
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
}

native('a C program waits, and is given permits here', () =>
  check(`const c = other('wait', name, '3');
    assert.equal(await c.line(), 'ready');
    for (let i = 0; i < 3; i++) {
      sem.release();
      assert.equal(await c.line(), 'taken');
    }
    assert.deepEqual(await c.ended, [0, null]);
    assert.equal(sem.getValue(), 0);`),
);

native('many permits at once wake as many C programs', () =>
  check(`const all = Array.from({ length: 4 }, () => other('wait', name, '1'));
    await waiters(4);
    sem.release(4);
    for (const c of all) assert.deepEqual(await c.ended, [0, null]);
    assert.equal(sem.getValue(), 0);`),
);

native('a C program posts, to an event loop that waits and to a blocked thread', () =>
  check(`const c = other('post', name, '4');
    const waits = [sem.acquire(), sem.acquire(), sem.acquire()];
    await waiters(1);
    c.child.stdin.write('\\n\\n\\n');
    assert.deepEqual(await Promise.all(waits), [true, true, true]);
    await waiters(0);
    c.child.stdin.end('\\n');
    assert.equal(sem.acquireSync(), true);
    assert.deepEqual(await c.ended, [0, null]);
    assert.equal(sem.getValue(), 0);`),
);

native("it is CPython's SemLock under the name that CPython gave it", () =>
  check(`const python = (text, ...args) => {
      const { status, stdout, stderr } = spawnSync('python3', ['-c', text, ...args], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return stdout.trim();
    };
    const theirs = python('import _multiprocessing as m, os; n = "/mp-" + os.urandom(4).hex(); ' +
      'm.SemLock(1, 2, 2**31 - 1, n, False); print(n)');
    assert.match(theirs, /^[/]mp-[0-9a-f]{8}$/);
    const here = NamedSemaphore.open(theirs);
    try {
      assert.equal(here.getValue(), 2);
      assert.equal(await here.acquire(), true);
      const waits = 'import _multiprocessing as m, sys; s = m.SemLock._rebuild(0, 1, 2**31 - 1, sys.argv[1]); ';
      assert.equal(python(waits + 'print(s.acquire(), s.acquire(False))', theirs), 'True False');
      const waiting = here.acquire();
      python(waits + 's.release()', theirs);
      assert.equal(await waiting, true);
    } finally {
      python('import _multiprocessing, sys; _multiprocessing.sem_unlink(sys.argv[1])', theirs);
    }
    assert.throws(() => NamedSemaphore.open(theirs), { code: 'ENOENT' });
    here.close();`),
);

native('waits that are cancelled, or whose time is over, leave no trace', () =>
  check(`assert.equal(await sem.acquire({ timeout: 5 }), false);
    assert.equal(await sem.acquire({ timeout: 0 }), false);
    assert.equal(await sem.acquire({ block: false }), false);
    assert.equal(sem.acquireSync({ timeout: 5 }), false);
    assert.equal(sem.acquireSync({ block: false }), false);
    const aborting = new AbortController();
    const waits = Array.from({ length: 10 }, () => sem.acquire({ signal: aborting.signal }));
    const settled = Promise.allSettled(waits);
    await waiters(1);
    aborting.abort(new Error('enough'));
    for (const { reason } of await settled) assert.equal(reason.message, 'enough');
    await waiters(0);
    sem.release(2);
    assert.equal(sem.getValue(), 2);
    await assert.rejects(sem.acquire({ signal: aborting.signal }), { message: 'enough' });
    assert.equal(sem.getValue(), 2);`),
);

native('a permit on its way to a wait that is cancelled goes back', () =>
  check(`for (let i = 0; i < 200; i++) {
      const aborting = new AbortController();
      const wait = sem.acquire({ signal: aborting.signal }).catch(() => false);
      await waiters(1);
      sem.release();
      while (sem.getValue() === 1); // the thread takes it; the loop has not been told
      aborting.abort();
      assert.equal(await wait, false);
      assert.equal(sem.acquireSync(), true);
    }
    await waiters(0);
    assert.equal(sem.getValue(), 0);`),
);

native('500 pending waits cost one thread and no descriptor each; in order of arrival', () =>
  check(`const first = sem.acquire();
    sem.release();
    await first;
    const [t, d] = [threads(), descriptors()];
    const order = [];
    const waits = Array.from({ length: 500 }, async (_, i) => { await sem.acquire(); order.push(i); });
    await waiters(1);
    assert.equal(threads(), t);
    assert.equal(descriptors(), d);
    sem.release(500);
    await Promise.all(waits);
    assert.deepEqual(order, Array.from({ length: 500 }, (_, i) => i));
    assert.equal(sem.getValue(), 0);`),
);

native('more semaphores are waited for than the kernel takes in one call', () =>
  check(`const names = Array.from({ length: 200 }, (_, i) => name + '-' + i);
    const all = names.map((one) => NamedSemaphore.create(one, 0, { exclusive: true }));
    for (const one of names) NamedSemaphore.unlink(one);
    const waits = all.map((one) => one.acquire());
    for (const one of all) one.release();
    for (const got of await Promise.all(waits)) assert.equal(got, true);
    for (const one of all) one.close();`),
);

native('a fork while waits are pending: the parent goes on, the child begins anew', () =>
  check(
    `const waits = [sem.acquire(), sem.acquire()];
    await waiters(1);
    const child = new Process({ target: async (name) => {
      const { NamedSemaphore } = require('node-multiprocessing');
      const inherited = sem.acquire();   // the very object
      const own = NamedSemaphore.open(name).acquire();
      if (!(await inherited) || !(await own)) process.exitCode = 1;
    }, args: [name] });
    await child.start();
    sem.release(4);
    assert.equal(await child.join(), 0);
    assert.deepEqual(await Promise.all(waits), [true, true]);
    assert.equal(sem.getValue(), 0);`,
    { env: { MP_TEST_START_METHOD: 'fork' } },
  ),
);

/** Permits were taken for waits that the event loop is not told of any more. */
const TAKE = `const take = (NamedSemaphore, name) => {
    const own = NamedSemaphore.open(name);
    for (let i = 0; i < 5; i++) own.acquire();
    own.release(5);
    while (own.getValue() > 0);
  };
  const back = () => {
    assert.deepEqual([sem.getValue(), noted()], [5, 0]);
    for (let i = 0; i < 5; i++) sem.acquireSync();
  };`;

native('a process that ends gives back what its waits have not been told of', () =>
  check(`${TAKE}
    const loaded = 'require(' + JSON.stringify(require.resolve('node-multiprocessing')) + ').NamedSemaphore';
    for (const [end, code] of [['process.exit(3)', 3], ['throw new Error("lost")', 1]]) {
      const source = '(' + take + ')(' + loaded + ', ' + JSON.stringify(name) + '); ' + end;
      assert.equal(spawnSync(process.execPath, ['-e', source]).status, code);
      back();
    }`),
);

native('so does a forked child', () =>
  check(
    `${TAKE}
    for (const end of [process.exit, exitNow]) {
      const child = new Process({ target: () => { take(NamedSemaphore, name); end(3); } });
      await child.start();
      assert.equal(await child.join(), 3);
      back();
    }`,
    { env: { MP_TEST_START_METHOD: 'fork' } },
  ),
);

native('so does a worker_thread that is terminated', () =>
  check(`${TAKE}
    const { Worker } = require('node:worker_threads');
    const source = 'const { workerData, parentPort } = require("node:worker_threads"); (' + take +
      ')(require("node-multiprocessing").NamedSemaphore, workerData); parentPort.postMessage("taken"); for (;;);';
    const worker = new Worker(source, { eval: true, workerData: name });
    await once(worker, 'message');
    await worker.terminate();
    back();`),
);

native('it may be made, awaited and left in a worker_thread', () =>
  check(`const { Worker } = require('node:worker_threads');
    const source = \`const { workerData, parentPort } = require('node:worker_threads');
      const { NamedSemaphore } = require('node-multiprocessing');
      const sem = NamedSemaphore.open(workerData);
      sem.acquire().then(() => { parentPort.postMessage('got'); sem.acquire(); });\`;
    const before = threads();
    const worker = new Worker(source, { eval: true, workerData: name });
    await waiters(1);
    sem.release();
    assert.deepEqual(await once(worker, 'message'), ['got']);
    await worker.terminate();
    assert.equal(noted(), 0);
    sem.release();
    assert.equal(await sem.acquire(), true);
    assert.equal(sem.getValue(), 0);`),
);

native('closing rejects who waits; afterwards every use is a ClosedError', () =>
  check(`const wait = sem.acquire();
    sem.close();
    sem.close();
    await assert.rejects(wait, ClosedError);
    await assert.rejects(sem.acquire(), ClosedError);
    for (const use of [() => sem.acquireSync(), () => sem.release(), () => sem.getValue()])
      assert.throws(use, ClosedError);
    assert.match(require('node:util').inspect(sem), /NamedSemaphore/);
    const again = NamedSemaphore.open(name);
    again[Symbol.dispose]();
    assert.throws(() => again.getValue(), ClosedError);`),
);

native('names, values, permission bits and exclusivity', () =>
  check(`assert.equal(sem.name, name);
    for (const bad of ['', '/', 'a/b', '//a', 'a\\0b', 'x'.repeat(252), 'ä'.repeat(126)])
      for (const use of [NamedSemaphore.create, NamedSemaphore.open, NamedSemaphore.unlink])
        assert.throws(() => use(bad), { name: 'RangeError', message: /^name must be/ });
    for (const bad of [undefined, null, 7, {}])
      assert.throws(() => NamedSemaphore.create(bad), { name: 'TypeError', message: /^name must be/ });
    for (const bad of [-1, 1.5, NaN, 2 ** 31])
      assert.throws(() => NamedSemaphore.create(name, bad), { name: 'RangeError', message: /^value/ });
    assert.throws(() => NamedSemaphore.create(name, 1, { mode: 0o1000 }), { name: 'RangeError' });
    assert.throws(() => NamedSemaphore.create(name, 1, { exclusive: 1 }), { name: 'TypeError' });
    assert.throws(() => NamedSemaphore.create(name, 1, { exclusive: true }), { name: 'SystemError', code: 'EEXIST' });
    assert.throws(() => NamedSemaphore.open(name + '-none'), { name: 'SystemError', code: 'ENOENT', syscall: 'sem_open' });
    assert.throws(() => NamedSemaphore.unlink(name + '-none'), { code: 'ENOENT', syscall: 'sem_unlink' });
    const same = NamedSemaphore.create(name.slice(1), 9);
    assert.equal(same.getValue(), 0); // the one that there is
    same.close();
    const longest = 'x'.repeat(251 - name.length) + name.slice(1) + 'x';
    NamedSemaphore.create(longest).close();
    NamedSemaphore.unlink(longest);
    process.umask(0o027);
    const shared = NamedSemaphore.create(name + '-m', 1, { mode: 0o666, exclusive: true });
    assert.equal(fs.statSync('/dev/shm/sem.' + name.slice(1) + '-m').mode & 0o777, 0o640);
    assert.equal(fs.statSync('/dev/shm/sem.' + name.slice(1)).mode & 0o777, 0o600);
    NamedSemaphore.unlink(name + '-m');
    if (process.getuid() === 0) {
      process.seteuid(65534);
      assert.throws(() => NamedSemaphore.open(name), { code: 'EACCES', message: /mode/ });
      process.seteuid(0);
    }
    shared.close();`),
);

native('new makes none, and says what does', () =>
  check(`const wrong = { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT', message: /NamedSemaphore\\.create.*NamedSemaphore\\.open/ };
    for (const args of [[], [name], [name, 1], [name, sem]]) assert.throws(() => new NamedSemaphore(...args), wrong);`),
);

native('no more than SEM_VALUE_MAX permits, and nothing is released past it', () =>
  check(`sem.release(2 ** 31 - 2);
    assert.throws(() => sem.release(2), RangeError);
    assert.equal(sem.getValue(), 2 ** 31 - 2);
    sem.release();
    assert.throws(() => sem.release(), RangeError);
    for (const bad of [0, -1, 1.5]) assert.throws(() => sem.release(bad), RangeError);
    assert.equal(sem.getValue(), 2 ** 31 - 1);`),
);

const withoutNative = when(cases.some(({ backend }) => backend === 'fallback'));
withoutNative('the fallback has none, and says so', async () => {
  const source = `const { NamedSemaphore } = require('node-multiprocessing');
    require('node:assert').throws(() => NamedSemaphore.create('x'), { name: 'NotSupportedError', message: /named semaphores/ });`;
  const { code, stderr } = await runProgram(source, {
    env: { MULTIPROCESSING_BACKEND: 'fallback' },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

describeEach(
  'between our own processes',
  (testCase) => {
    test('it travels as its name', () =>
      check(
        `const [here, there] = Pipe();
        const child = new Process({ target: require(${JSON.stringify(path.join(fixtures, 'named-target.cjs'))}).postAndWait, args: [sem, there] });
        await child.start();
        there.close();
        assert.equal(await sem.acquire(), true);
        assert.equal(await here.recv(), name);
        await here.send('taken');
        sem.release();
        assert.equal(await child.join(), 0);
        assert.equal(sem.getValue(), 0);`,
        { env: testCase.env },
      ));
  },
  ({ backend }) => backend === 'native',
);
