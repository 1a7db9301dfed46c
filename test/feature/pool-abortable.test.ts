import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach } from '../support/start-methods.js';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describeEach('tasks that may be aborted and are given ahead', (testCase) => {
  const report = program(testCase, 'abortable');

  test('do not wait for one that turns out to be long', async () => {
    expect((await report()).values).toEqual(range(200));
  });

  test('are not begun when they were aborted before', async () => {
    const { enough, others, called } = await report();
    expect(enough).toEqual(Array(28).fill('enough'));
    expect(others).toEqual([{ value: 0 }, { value: 29 }]);
    expect(called).toEqual(['0', '29']);
  });

  test('hear of their abort when their function answers a promise for once', async () => {
    const { rejected, waiting, heard } = await report();
    expect(rejected.error.message).toBe('at once');
    expect(waiting).toEqual(['enough', range(5), 'enough', range(5)]);
    expect(heard).toEqual(['40', '40 enough', '41', '41 enough']);
  });
});
