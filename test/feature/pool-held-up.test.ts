import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach } from '../support/start-methods.js';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describeEach('tasks behind one that is longer than it looked are run elsewhere', (testCase) => {
  const report = program(testCase, 'held-up');

  test('if they may be aborted, and their function answers promises', async () => {
    const { promise, limitedRun } = await report();
    expect(promise).toEqual(range(200));
    expect(limitedRun).toEqual(range(200));
  });

  test('if their function answers a promise for the first time', async () => {
    expect((await report()).suddenPromise).toEqual(range(200));
  });

  test('if the long one blocks its worker, which cannot be asked for them', async () => {
    const { blocking, neverAborted } = await report();
    expect(blocking).toEqual(range(200));
    expect(neverAborted).toEqual(range(200));
  });

  test('so two that wait for each other meet, whatever was before them', async () => {
    expect((await report()).met).toEqual(Array(40).fill(2));
  });

  test('if they are calls of an executor', async () => {
    expect((await report()).submitted).toEqual(range(200));
  });
});
