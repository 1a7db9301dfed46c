import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { runProgram } from '../support/clean-node.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('what a pool lets its program see', (testCase) => {
  const report = program(testCase, 'insight');
  const native = testCase.backend === 'native';

  test('tasks report while they run, of a map with the index of the item', async () => {
    const { reported, heard, heardOfImap, unheard } = await report();
    expect(reported).toEqual(['a', 'b', 'c']);
    const halves = (items: string): unknown[] =>
      [...items].flatMap((item, index) => [
        [[item, 'begun'], index],
        [[item, 'done'], index],
      ]);
    expect(heard).toEqual(halves('abc'));
    expect(heardOfImap).toEqual(halves('def'));
    expect(unheard).toEqual(['g']);
  });

  test('also out of a task that blocks, and not after their end', async () => {
    // It blocks until somebody has heard it.
    const { late, stderr } = await report();
    expect(late).toEqual([]);
    expect(stderr).not.toMatch(/Unhandled/);
  });

  test('a report that cannot travel fails there; a report or progress that cannot be heard is a warning', async () => {
    const { unsendable, throwing, throwingProgress } = await report();
    expect(unsendable).toMatchObject({ error: { kind: 'SerializationError', path: 'report' } });
    expect(throwing).toEqual(['PoolCallbackWarning', 10]);
    expect(throwingProgress).toEqual([[2, 4], 'PoolCallbackWarning']);
  });

  test('progress counts what failed, and shows no bar where there is no terminal', async () => {
    const { failing, progress, stderr } = await report();
    expect(failing).toBe('RangeError');
    expect(progress).toEqual({ done: 4, failed: 1, total: 4 });
    expect(stderr).not.toMatch(/\[=/);
  });

  test('channels tell of workers and tasks', async () => {
    const { workers, events } = await report();
    expect(workers.sort()).toEqual(['mill-1', 'mill-2']);
    expect(events).toEqual([
      ['task:queue', 'the pool mill', 'double'],
      ['task:start', 'the pool mill', 'double'],
      ['task:end', 'the pool mill', 'double'],
    ]);
  });

  when(process.platform !== 'win32')('workers have their names in ps', async () => {
    expect((await report()).title).toMatch(/^mill-/);
  });

  when(process.platform === 'linux')('which is what another process reads there', async () => {
    const { inPs } = await report();
    expect(inPs).toHaveLength(2);
    for (const name of inPs) expect(name).toMatch(/^mill-\d$/);
  });

  test('histograms of waits and runs', async () => {
    const { runs, waits, completed } = (await report()).stats;
    expect(runs.count).toBeGreaterThanOrEqual(completed);
    for (const { min, mean, p50, p90, p99, max } of [runs, waits]) {
      const ascending = [min, p50, p90, p99, max];
      expect(ascending).toEqual([...ascending].sort((a, b) => a - b));
      expect(mean).toBeGreaterThan(0);
    }
    expect(runs.max).toBeGreaterThan(290);
  });

  test('a worker that has more memory than it may is replaced, any other is not', async () => {
    const { roomy, outgrown } = await report();
    expect(roomy).toBe(true);
    expect(new Set(outgrown).size).toBe(2);
  });

  when(testCase.method !== 'fork')('tasks are begun in the order they were given', async () => {
    const { inTurn, restarted } = await report();
    expect([inTurn[0], restarted]).toEqual([2, 0]);
  });

  test('a task that closes descriptors that are not its own, or disconnects, harms nothing', async () => {
    const { closing, afterClosing } = await report();
    // Over shared memory the way to the pool is none of them, and the fallback's line is out of the program's reach.
    expect(closing).not.toHaveProperty('error');
    expect(afterClosing).toEqual([2, 4, 6]);
  });

  test('a task may start processes, which are no workers', async () => {
    expect((await report()).childOfTask).toBe(7);
  });

  when(native && process.platform === 'linux')('and fork itself', async () => {
    expect((await report()).twin).toBe(true);
  });
});

test('a bar needs cli-progress where there is a terminal, and nothing else loads it', async () => {
  const { code, stderr } = await runProgram(`
    const assert = require('node:assert/strict');
    const Module = require('node:module');
    const load = Module._load;
    Module._load = (name, ...rest) => {
      if (name === 'cli-progress') throw new Error('it is not installed');
      return load(name, ...rest);
    };
    const { Pool } = require('node-multiprocessing');
    (async () => {
      const pool = new Pool(1);
      const double = (n) => 2 * n;
      assert.deepEqual(await pool.map(double, [1], { progress: false, onProgress() {} }), [2]);
      // Nobody would see it.
      assert.deepEqual(await pool.map(double, [1], { progress: true }), [2]);
      Object.defineProperty(process.stderr, 'isTTY', { value: true });
      const refused = { code: 'ERR_MP_NOT_SUPPORTED', message: /npm install cli-progress/ };
      assert.throws(() => pool.map(double, [1], { progress: true }), refused);
      assert.throws(() => pool.imap(double, [1], { progress: 'text' }), refused);
      pool.close();
      await pool.join();
    })();`);
  expect([code, stderr]).toEqual([0, '']);
});
