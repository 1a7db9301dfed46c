// Ctrl-C: the terminal sends SIGINT to the program and all its workers at once. runProgram itself fails when one of them is left.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { describeEach } from '../support/start-methods.js';

const tasks = pathToFileURL(path.resolve(import.meta.dirname, '../fixtures/pool/tasks.mjs')).href;

const program = (body: string): string => `
import assert from 'node:assert/strict';
import { Pool } from 'node-multiprocessing';
import * as tasks from ${JSON.stringify(tasks)};
const pool = new Pool({ processes: 2, startMethod: process.env.MP_TEST_START_METHOD });
/** As a terminal does it. */
const ctrlC = () => process.kill(0, 'SIGINT');
${body}`;

describeEach('Ctrl-C', (testCase) => {
  const interrupted = { code: null, signal: 'SIGINT', stdout: '', stderr: '' };
  // A worker of the fallback that never comes back to its event loop outlives its parent.
  const busy = testCase.backend === 'native' ? 'tasks.block' : 'tasks.sleepFor';

  test.each([
    ['idle', 'await pool.ready();'],
    ['being started', 'pool.applyAsync(tasks.sleepFor, [100_000]);'],
    [
      'at work, and more waits',
      `const report = { onReport: () => ctrlC() };
      pool.mapAsync(${busy}, Array(10).fill(100_000), { chunkSize: 1 });
      pool.applyAsync(tasks.reportThenSleep, [100_000], { priority: 1, ...report });`,
    ],
  ])('ends a program whose workers are %s by the signal, without a word', async (_what, body) => {
    const signal = body.includes('ctrlC') ? '' : 'ctrlC();';
    const result = await testCase.run(
      program(`${body}\n${signal}\nawait new Promise((resolve) => setTimeout(resolve, 100_000));`),
      { esm: true },
    );
    expect(result).toMatchObject(interrupted);
  });

  test('is heard by the program alone: one that handles it finishes what runs', async () => {
    const result = await testCase.run(
      program(`
        process.once('SIGINT', () => console.log('finishing'));
        await pool.map(tasks.double, [1, 2]);
        const running = [1, 2].map((n) =>
          pool.apply(tasks.reportThenSleep, [300], { onReport: () => n === 1 && ctrlC() }));
        assert.deepEqual(await Promise.all(running), [300, 300]);
        pool.close();
        await pool.join();
`),
      { esm: true },
    );
    expect(result).toMatchObject({ code: 0, signal: null, stdout: 'finishing\n', stderr: '' });
  });
});
