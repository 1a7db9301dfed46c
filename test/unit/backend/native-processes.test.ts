// Children and peers of the native backend, below the Process class.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runProgram, type ProgramOptions } from '../../support/clean-node.js';

const native =
  process.env['MULTIPROCESSING_BACKEND'] !== 'fallback' && process.platform === 'linux';
const dist = path.resolve(import.meta.dirname, '..', '..', '..', 'dist');

/** The program is its own entry: with the mark of a child it runs \`child\`, else \`parent\`. */
async function check(parent: string, child = '', options: ProgramOptions = {}): Promise<string> {
  const source = `
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { backend } = require(${JSON.stringify(path.join(dist, 'backend', 'index.js'))});
const { Deadline } = require(${JSON.stringify(path.join(dist, 'base', 'deadline.js'))});
const descriptors = () => fs.readdirSync('/proc/self/fd').length;
const message = (text) => ({ bytes: Buffer.from(text), handles: [] });
const exists = (pid) => {
  try { return !/^State:\\s+Z/m.test(fs.readFileSync(\`/proc/\${pid}/status\`, 'utf8')); } catch { return false; }
};
const gone = async (pid) => { for (let i = 0; i < 500 && exists(pid); i++) await sleep(10); assert.ok(!exists(pid)); };
const busy = () => { for (;;); };
const request = (extra) => ({ entry: __filename, execArgv: [], stdout: 'inherit', stderr: 'inherit', ...extra });
const status = (child) => new Promise((resolve) => child.onExit(resolve));
const isChild = process.env.NODE_MULTIPROCESSING_CHILD !== undefined;
async function inChild() { ${child} }
async function inParent() { ${parent} }
(isChild ? inChild : inParent)();
`;
  const result = await runProgram(source, {
    ...options,
    env: { MULTIPROCESSING_BACKEND: 'native', ...options.env },
  });
  const { code, signal, stdout, stderr } = result;
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  return stdout;
}

describe.runIf(native)('a spawned child', () => {
  test('has a line to its parent, and leaves no mark behind', async () => {
    const output = await check(
      `const before = descriptors();
      const { child, control } = await backend().spawn(request());
      await control.send(message('question'), {});
      assert.equal((await control.recv({})).bytes.toString(), 'answer undefined');
      const ended = status(child);
      await control.send(message('exit'), {});
      assert.deepEqual(await ended, { exitCode: 7, signalCode: null });
      assert.deepEqual(child.check(), { exitCode: 7, signalCode: null });
      assert.deepEqual(await status(child), child.status);
      assert.equal(child.kill('SIGKILL'), false);
      control.close();
      child.release();
      // The liveness pipe and the shared memory of the children stay.
      assert.equal(descriptors(), before + 3);`,
      `const { control } = backend().attachChild();
      assert.equal((await control.recv({})).bytes.toString(), 'question');
      await control.send(message('answer ' + process.env.NODE_MULTIPROCESSING_CHILD), {});
      assert.throws(() => backend().attachChild(), { code: 'ERR_MP_STATE' });
      await control.recv({});
      console.log('written by the child');
      process.exit(7);`,
    );
    expect(output).toBe('written by the child\n');
  });

  test('can be waited for by blocking, before Node tells', async () => {
    await check(
      `const { child, control } = await backend().spawn(request());
      assert.equal(child.waitSync(Deadline.after(0)), undefined);
      const before = performance.now();
      assert.equal(child.waitSync(Deadline.after(30)), undefined);
      assert.ok(performance.now() - before >= 29);
      await control.send(message('go'), {});
      assert.deepEqual(child.waitSync(Deadline.after(undefined)), { exitCode: 3, signalCode: null });
      assert.deepEqual(child.check(), { exitCode: 3, signalCode: null });
      assert.deepEqual(await status(child), { exitCode: 3, signalCode: null });
      child.release();
      control.close();`,
      `await backend().attachChild().control.recv({});
      process.exit(3);`,
    );
  });

  test('several can be waited for in the callback of the first', async () => {
    await check(
      `const started = await Promise.all([1, 2, 3].map(() => backend().spawn(request())));
      const told = new Promise((resolve) => started[0].child.onExit(() => {
        // Node has reaped the others too, and has not told yet.
        resolve(started.map(({ child }) => child.waitSync(Deadline.after(undefined))));
      }));
      for (const { child } of started) child.kill('SIGTERM');
      for (let i = 0; i < 100 && started.some(({ child }) => exists(child.pid)); i++) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      let statuses;
      try { statuses = await told; } catch (error) { assert.equal(error.code, 'ERR_MP_STATE'); return; }
      for (const status of statuses) assert.deepEqual(status, { exitCode: -15, signalCode: 'SIGTERM' });
      for (const { control } of started) control.close();`,
      `backend().attachChild(); busy();`,
    );
  });

  test('that is killed says by which signal', async () => {
    await check(
      `for (const [signalCode, number] of [['SIGKILL', 9], ['SIGTERM', 15], ['SIGABRT', 6]]) {
        const { child, control } = await backend().spawn(request());
        const ended = status(child);
        assert.equal(child.kill(signalCode), true);
        assert.deepEqual(await ended, { exitCode: -number, signalCode });
        control.close();
      }`,
      `backend().attachChild(); busy();`,
    );
  });

  test('writes where it is told to', async () => {
    await check(
      `const file = require('node:path').join(__dirname, 'out.txt');
      fs.writeFileSync(file, 'before;');
      for (let i = 0; i < 2; i++) {
        const { child, control } = await backend().spawn(request({ stdout: file, stderr: 'ignore' }));
        await status(child);
        control.close();
      }
      assert.equal(fs.readFileSync(file, 'utf8'), 'before;out;out;');
      const { child, control } = await backend().spawn(request({ stdout: 'pipe', stderr: 'pipe' }));
      let text = '';
      for await (const chunk of child.stdout) text += chunk;
      for await (const chunk of child.stderr) text += chunk;
      assert.equal(text, 'out;err;');
      control.close();`,
      `backend().attachChild(); process.stdout.write('out;'); process.stderr.write('err;');`,
    );
  });

  test('that cannot be started is an error and leaves no descriptor', async () => {
    await check(
      `const { child, control } = await backend().spawn(request());
      child.kill('SIGKILL');
      await status(child);
      child.release();
      control.close();
      const before = descriptors();
      const { execPath } = process;
      process.execPath = '/no/such/program';
      await assert.rejects(backend().spawn(request({ stdout: __filename + '.txt' })), (error) =>
        error.name === 'SystemError' && error.code === 'ENOENT' && /could not be started/.test(error.message));
      process.execPath = execPath;
      await assert.rejects(backend().spawn(request({ stdout: '/no/such/folder/file' })), { code: 'ENOENT' });
      await assert.rejects(backend().spawn(request({ execArgv: ['x'.repeat(3 << 20)] })), { code: 'E2BIG' });
      await sleep(20);
      assert.equal(descriptors(), before);
      // Out of descriptors.
      const taken = [];
      try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { assert.equal(error.code, 'EMFILE'); }
      for (let free = 0; free < 6; free++) {
        await backend().spawn(request()).then(async ({ child, control }) => {
          child.kill('SIGKILL');
          await status(child);
          child.release();
          control.close();
        }, (error) => assert.ok(['EMFILE', 'EAGAIN'].includes(error.code), error.stack));
        fs.closeSync(taken.pop());
      }
      for (const fd of taken) fs.closeSync(fd);
      for (let i = 0; i < 100 && descriptors() !== before; i++) await sleep(20);
      assert.equal(descriptors(), before);`,
      `backend().attachChild(); busy();`,
      { timeoutMs: 60_000 },
    );
  });
});

describe.runIf(native)('a parent that is killed', () => {
  test('takes its children with it, also busy ones and those of its children', async () => {
    await check(
      `const { spawn } = require('node:child_process');
      const middle = await backend().spawn(request());
      const pids = JSON.parse((await middle.control.recv({})).bytes.toString());
      assert.equal(pids.length, 3);
      assert.ok(pids.every(exists));
      middle.child.kill('SIGKILL');
      await Promise.all(pids.map(gone));
      middle.control.close();`,
      `const { control } = backend().attachChild();
      if (process.env.DEPTH === undefined) {
        process.env.DEPTH = '1';
        const pids = [process.pid];
        for (let i = 0; i < 2; i++) {
          const { child, control } = await backend().spawn(request());
          await control.recv({});
          pids.push(child.pid);
        }
        await control.send(message(JSON.stringify(pids)), {});
      } else await control.send(message('ready'), {});
      busy();`,
    );
  });

  test('before its child looked takes it all the same', async () => {
    await check(
      `const middle = await backend().spawn(request());
      const pid = Number((await middle.control.recv({})).bytes.toString());
      middle.child.kill('SIGKILL');
      await gone(pid);
      middle.control.close();`,
      `if (process.env.DEPTH !== undefined) {
        await sleep(300);
        backend().attachChild();
        busy();
      }
      const { control } = backend().attachChild();
      process.env.DEPTH = '1';
      const { child } = await backend().spawn(request());
      await control.send(message(String(child.pid)), {});
      busy();`,
    );
  });
});

describe.runIf(native)('a peer', () => {
  test('is watched without being reaped', async () => {
    await check(
      `const { child, control } = await backend().spawn(request());
      const peer = backend().peer(child.pid);
      assert.equal(peer.isAlive(), true);
      assert.equal(await peer.wait({ timeout: 0 }), false);
      const before = performance.now();
      assert.equal(await peer.wait({ timeout: 30 }), false);
      assert.ok(performance.now() - before >= 29);
      assert.equal(peer.waitSync(Deadline.after(10)), false);
      await assert.rejects(peer.wait({ signal: AbortSignal.timeout(5) }), { name: 'TimeoutError' });
      const ends = [peer.wait({}), peer.wait({ timeout: 60_000 })];
      child.kill('SIGKILL');
      assert.deepEqual(await Promise.all(ends), [true, true]);
      assert.equal(peer.isAlive(), false);
      assert.equal(await peer.wait({}), true);
      assert.equal(peer.waitSync(Deadline.after(undefined)), true);
      assert.deepEqual(await status(child), { exitCode: -9, signalCode: 'SIGKILL' });
      const late = backend().peer(child.pid);
      assert.equal(late.isAlive(), false);
      assert.equal(await late.wait({}), true);
      for (const one of [late, peer, child]) one.release();
      control.close();`,
      `backend().attachChild(); busy();`,
    );
  });
});
