// A function that the pool's workers were not born with has its turn, as one that they know, and takes none from the others.
import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('a new function beside others', (testCase) => {
  const report = program(testCase, 'new-functions');

  test('of a higher priority is answered while a long map goes on, which loses nothing', async () => {
    const { answer, doneByThen, all } = await report();
    expect(answer).toBe('new');
    expect(doneByThen).toBeLessThan(400);
    expect(all).toBe(400);
  });

  test('goes on beside an endless iteration, and that beside a stream of new functions', async () => {
    expect((await report()).bothWentOn).toEqual([true, true]);
  });

  test('of a low priority lets all others go first, and costs no more workers than it has to', async () => {
    const { knownAtUrgent, knownAtLow, restarted } = await report();
    expect(knownAtUrgent).toBeLessThan(60);
    // All but those that run still.
    expect(knownAtLow).toBeGreaterThan(50);
    // A worker that is forked for one of them knows the others too.
    expect(restarted).toBeLessThanOrEqual(testCase.method === 'fork' ? 4 : 0);
  });

  when(testCase.method === 'fork')(
    'has a worker of its own while all others are at tasks that do not end',
    async () => {
      const { beside, workersThen, waitingThen } = await report();
      expect(beside).toBe('new');
      expect(workersThen).toBe(3);
      expect(waitingThen).toEqual([false, false]);
    },
  );

  test('does not begin before the end of the task of the only worker', async () => {
    expect((await report()).single).toBe('first begins, first ends, new begins');
  });
});
