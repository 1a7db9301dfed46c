// Ctrl-C: the terminal sends SIGINT to the program and all its workers at once. runProgram itself fails when one of them is left.
import { expect, test } from 'vitest';
import { interrupted, lineOf, program } from '../fixtures/pool/interrupts.js';
import { describeEach } from '../support/start-methods.js';

const withPool = (body: string): string => program(`const pool = new mp.Pool(2);\n${body}`);

describeEach('Ctrl-C', (testCase) => {
  test.each([
    ['idle', 'await pool.ready();'],
    ['being started', 'pool.applyAsync(tasks.sleepFor, [100_000]);'],
    [
      'at work, and more waits',
      `const report = { onReport: () => ctrlC() };
      pool.mapAsync(tasks.block, Array(10).fill(100_000), { chunkSize: 1 });
      pool.applyAsync(tasks.reportThenSleep, [100_000], { priority: 1, ...report });`,
    ],
  ])(
    'ends a program whose workers are %s by the signal, with one line or none',
    async (_what, body) => {
      const signal = body.includes('ctrlC') ? '' : 'ctrlC();';
      const result = await testCase.run(withPool(`${body}\n${signal}\nawait forEver();`), {
        esm: true,
      });
      expect(result).toMatchObject(interrupted(lineOf(testCase)));
    },
  );

  test('is heard by the program alone: one that handles it finishes what runs', async () => {
    const result = await testCase.run(
      withPool(`
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
