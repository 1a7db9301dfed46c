// The same with real processes: what only a kernel can show.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runProgram, type ProgramOptions } from '../../support/clean-node.js';

const HARNESS = path.join(import.meta.dirname, 'programs', 'harness.cjs');

/** Runs the body of an async function as a program of its own and returns what it returned. */
async function inProgram(body: string, options?: ProgramOptions): Promise<unknown> {
  const source = `
    const { backend, spawn, say, hear, ended, fails } = require(${JSON.stringify(HARNESS)});
    (async () => { ${body} })().then((result) => console.log('\\n' + JSON.stringify(result)));`;
  const { code, stdout, stderr } = await runProgram(source, options);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fallback-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a child answers, ends, and its end is told after its last word', async () => {
  const result = await inProgram(`
    const { child, control } = await spawn();
    await say(control, 'echo hello');
    const heard = await hear(control);
    await say(control, 'exit 7');
    const order = [];
    void fails(hear(control)).then((how) => order.push(how));
    const status = await ended(child);
    await new Promise(setImmediate);
    return [heard, status, order, child.status, child.check(), child.kill('SIGTERM'), child.release()];`);
  const status = { exitCode: 7, signalCode: null };
  expect(result).toEqual(['hello', status, ['ERR_MP_END_OF_FILE'], status, status, false, null]);
});

test('a child that is killed ends its channels', async () => {
  const result = await inProgram(`
    const { child, control } = await spawn();
    const [left, right] = backend.channelPair(true);
    await say(control, 'receive', [right.toTransfer()]);
    right.close();
    await say(left, 'x');
    await hear(control);
    const waits = [fails(hear(left)), fails(hear(control))];
    const killed = child.kill('SIGKILL');
    const status = await ended(child);
    return [killed, status, ...await Promise.all(waits), await fails(say(left, 'x'))];`);
  expect(result).toEqual([
    true,
    { exitCode: -9, signalCode: 'SIGKILL' },
    'ERR_MP_END_OF_FILE',
    'ERR_MP_END_OF_FILE',
    'ERR_MP_BROKEN_PIPE',
  ]);
});

test('nothing is lost that was sent before the sender is killed, at any depth', async () => {
  const result = await inProgram(`
    const counts = [];
    for (const order of ['burst 2000', 'nest burst 2000', 'nest nest burst 500']) {
      const { child, control } = await spawn();
      const [left, right] = backend.channelPair(true);
      await say(control, order, [right.toTransfer()]);
      right.close();
      let count = 0;
      try {
        for (;; count += 1) if ((await hear(left)) !== String(count)) throw new Error('order');
      } catch (error) {
        counts.push(count, error.code);
      }
      child.kill('SIGKILL');
      await ended(child);
    }
    return counts;`);
  const end = 'ERR_MP_END_OF_FILE';
  expect(result).toEqual([2000, end, 2000, end, 500, end]);
});

test('the death of a process in between takes its descendants with it and ends their channels', async () => {
  const result = await inProgram(`
    const { child, control } = await spawn();
    const [left, right] = backend.channelPair(true);
    await say(control, 'nest receive', [right.toTransfer()]);
    right.close();
    await hear(control);
    const reading = fails(hear(left));
    child.kill('SIGKILL');
    return [await reading, (await ended(child)).exitCode];`);
  expect(result).toEqual(['ERR_MP_END_OF_FILE', -9]);
});

test('children die with the root, however it ends', async () => {
  for (const end of [`process.kill(process.pid, 'SIGKILL')`, 'process.exit(0)']) {
    // That nothing is left behind is checked by runProgram.
    const { stdout } = await runProgram(`
      const { spawn, say, hear } = require(${JSON.stringify(HARNESS)});
      (async () => {
        const { control } = await spawn();
        await say(control, 'nest stay');
        await hear(control);
        await say(control, 'stay');
        console.log('started');
        setTimeout(() => ${end}, 50);
      })();`);
    expect(stdout).toBe('started\n');
  }
});

test('a child that was let go outlives the root, and is a root from then on', async () => {
  const file = path.join(folder, 'outcomes');
  const { code, stderr } = await runProgram(`
    const { spawn, say, hear } = require(${JSON.stringify(HARNESS)});
    (async () => {
      const { child, control } = await spawn();
      await say(control, ${JSON.stringify(`survive ${file}`)});
      await hear(control);
      process.on('exit', () => child.letGo());
      process.exit(3);
    })();`);
  expect([code, stderr]).toEqual([3, '']);
  expect(existsSync(file)).toBe(true);
  const lost = 'EndOfFileError BrokenPipeError';
  expect(readFileSync(file, 'utf8')).toBe(`${lost} 0 1 2 EndOfFileError`);
});

test('idle channels and children that are not waited for keep nothing alive; a wait does', async () => {
  const { code, stdout } = await runProgram(`
    const { backend, spawn, say } = require(${JSON.stringify(HARNESS)});
    (async () => {
      const { child, control } = await spawn();
      child.unref();
      await say(control, 'stay');
      const [left] = backend.channelPair(true);
      await left.recv({ timeout: 200 }).catch((error) => console.log(error.name));
      control.recv({ signal: AbortSignal.timeout(200) }).catch((error) => console.log(error.name));
    })();`);
  expect([code, stdout]).toEqual([0, 'TimeoutError\nTimeoutError\n']);
});

test('a child with nothing to wait for ends by itself', async () => {
  const result = await inProgram(`
    const { child, control } = await spawn();
    await say(control, 'look');
    await hear(control);
    await say(control, 'stop');
    return ended(child);`);
  expect(result).toEqual({ exitCode: 0, signalCode: null });
});

test('the line to the parent is hidden from the program and from what it starts', async () => {
  const result = await inProgram(`
    const { child, control } = await spawn();
    await say(control, 'look');
    const found = JSON.parse(await hear(control));
    await say(control, 'peer ' + process.pid);
    const peer = await hear(control);
    await say(control, 'stop');
    await ended(child);
    return [found, peer];`);
  expect(result).toEqual([{ send: 'undefined', own: [], theirs: [], seen: 0 }, 'true false false']);
});

test('what is sent while the child is still loading is not lost', async () => {
  const slow = 'data:text/javascript,await new Promise((done) => setTimeout(done, 300))';
  const result = await inProgram(`
    const { child, control } = await spawn({ execArgv: ['--import', ${JSON.stringify(slow)}] });
    await say(control, 'echo hello');
    const heard = await hear(control);
    await say(control, 'stop');
    return [heard, await ended(child)];`);
  expect(result).toEqual(['hello', { exitCode: 0, signalCode: null }]);
});

test('a long message lets those of other channels pass', async () => {
  const size = 128 << 20;
  const result = await inProgram(`
    const { child, control } = await spawn();
    const [left, right] = backend.channelPair(true);
    await say(control, 'send ${size}', [right.toTransfer()]);
    right.close();
    const order = [];
    const long = left.recv({}).then(({ bytes }) => order.push(bytes.length, bytes.at(-1)));
    await say(control, 'echo short');
    order.push(await hear(control));
    await long;
    await say(control, 'receive', [left.toTransfer()]);
    await say(control, 'stop');
    child.kill('SIGKILL');
    await ended(child);
    return order;`);
  expect(result).toEqual(['short', size, 7]);
});

test('output goes where it is told to', async () => {
  const file = path.join(folder, 'out');
  const print = 'data:text/javascript,console.log("out");console.error("err")';
  const result = await inProgram(`
    const execArgv = ['--import', ${JSON.stringify(print)}];
    const outputs = [];
    for (const [stdout, stderr] of [[${JSON.stringify(file)}, 'ignore'], ['ignore', ${JSON.stringify(file)}], ['pipe', 'pipe']]) {
      const { child, control } = await spawn({ execArgv, stdout, stderr });
      for (const name of ['stdout', 'stderr']) {
        const stream = child[name];
        if (stream === null) outputs.push(null);
        else void (async () => { for await (const chunk of stream) outputs.push(name + ':' + chunk); })();
      }
      await say(control, 'stop');
      await ended(child);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return outputs.sort();`);
  expect(result).toEqual([null, null, null, null, 'stderr:err\n', 'stdout:out\n'].sort());
  expect(readFileSync(file, 'utf8')).toBe('out\nerr\n');
});

test('a program that cannot be started rejects with the reason and leaves nothing', async () => {
  const missing = path.join(folder, 'none', 'file');
  const result = await inProgram(`
    const { readdirSync } = require('node:fs');
    const count = () => process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
    const execPath = process.execPath;
    const fail = async () => {
      const reasons = [await fails(spawn({ stdout: ${JSON.stringify(missing)} }))];
      process.execPath = ${JSON.stringify(missing)};
      reasons.push(await fails(spawn({ stdout: 'pipe' })));
      process.execPath = execPath;
      reasons.push(await fails(spawn({ execArgv: ['\\0'] })));
      await new Promise((resolve) => setTimeout(resolve, 50));
      return reasons;
    };
    // Node itself opens a few descriptors with the first child.
    await fail();
    const before = count();
    return [...(await fail()), count() - before];`);
  expect(result).toEqual(['ENOENT', 'ENOENT', 'ERR_INVALID_ARG_VALUE', 0]);
});
