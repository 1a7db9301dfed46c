import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach } from '../support/start-methods.js';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describeEach('tasks that workers are given ahead', (testCase) => {
  const report = program(testCase, 'ahead');

  test('do not wait for one that turns out to be long', async () => {
    expect((await report()).values).toEqual(range(200));
  });

  test('are run once, whoever dies: the death is of the one that ran', async () => {
    const { died, ran } = await report();
    expect(died).toEqual([[77, expect.stringMatching(/killed by SIGKILL while it ran dieWith/)]]);
    expect(ran).toEqual(range(200));
  });

  test('answer for every item of their own', async () => {
    const quarters: unknown[] = range(300).map((n) => n / 4);
    quarters[57] = 'no 57';
    expect((await report()).quarters).toEqual(quarters);
  });

  test('of a map, which are told of together, are all there, and calls between them', async () => {
    const { burnt, called } = await report();
    expect({ burnt, called }).toEqual({ burnt: range(300), called: range(20) });
  });

  test('of a map, are run once when one of them kills its worker, which is blamed', async () => {
    const { mapDied, ranOfMap } = await report();
    expect(mapDied).toMatch(/killed by SIGKILL while it ran burnOrDie/);
    expect(ranOfMap).toEqual(range(200));
  });
});
