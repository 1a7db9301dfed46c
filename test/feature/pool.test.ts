import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('what a pool computes', (testCase) => {
  const report = program(testCase, 'calls');
  const workerName = testCase.method === 'fork' ? 'ForkPoolWorker' : 'SpawnPoolWorker';

  test('apply calls with arguments, and values of many kinds travel both ways', async () => {
    const { apply, applyNothing, values, large, largeBothWays } = await report();
    expect(apply).toBe(5);
    expect(applyNothing).toBe('number');
    expect(values).toEqual(['a', 5, true, true]);
    expect(large).toEqual([3_000_000, 3_000_000]);
    expect(largeBothWays).toEqual([12, true, 12, true]);
  });

  test('map keeps the order, over iterables of both kinds and chunks of any size', async () => {
    const { map, mapChunks, mapAsyncSource, mapNothing, mapOneArgument, mapAsync } = await report();
    expect(map).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    expect(mapChunks).toEqual(map);
    expect(mapAsyncSource).toEqual([0, 2, 4, 6, 8]);
    expect(mapNothing).toEqual([]);
    expect(mapOneArgument).toEqual([1, 1, 1]);
    expect(mapAsync).toEqual([2, 4]);
  });

  test('starmap, imap and imapUnordered', async () => {
    const { starmap, imap, imapUnordered } = await report();
    expect(starmap).toEqual([3, 7]);
    expect(imap).toEqual([0, 2, 4, 6, 8, 10, 12]);
    expect(imapUnordered).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('the initializer has run in the worker, with its arguments', async () => {
    expect((await report()).initialized).toEqual({ hello: 'worker' });
  });

  test('an AsyncResult is asked, waited for with a deadline, awaited and heard', async () => {
    const { early, late, progress } = await report();
    expect(early).toMatchObject([
      false,
      { error: { kind: 'StateError' } },
      { error: { kind: 'TimeoutError' } },
    ]);
    expect(late).toEqual([true, true, 9, [9]]);
    expect(progress).toEqual([
      [{ done: 2, failed: 0, total: 4 }],
      [{ done: 4, failed: 0, total: 4 }],
    ]);
  });

  test('workers are children with names of their own, as many as there are CPUs', async () => {
    const { names, isChild, named, defaultSize } = await report();
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(name).toMatch(new RegExp(`^${workerName}-\\d+$`));
    expect(isChild).toBe(true);
    expect(named).toBe('mill-1');
    expect(defaultSize[0]).toBe(defaultSize[1]);
  });

  test('statistics count what was done', async () => {
    const { stats, statsAfter } = await report();
    expect(stats).toMatchObject({ workers: 2, busy: 0, queued: 0, failed: 0 });
    expect(stats.completed).toBeGreaterThan(40);
    expect(stats.runMs.p99).toBeGreaterThan(19);
    expect(statsAfter.workers).toBe(0);
  });
});

describeEach('pools inside of workers, and pools in the wrong process', (testCase) => {
  const report = program(testCase, 'nested');

  test('a task may have a pool of its own', async () => {
    expect((await report()).nested).toEqual([
      [0, 2],
      [0, 2, 4],
    ]);
  });

  when(testCase.method === 'fork')(
    'an inherited pool refuses every use, and its owner does not notice',
    async () => {
      const { fromChild, inProcess, stillWorks } = await report();
      expect(fromChild.value).toMatchObject({
        kind: 'StateError',
        message: expect.stringMatching(/belongs to process/),
      });
      expect(inProcess).toBe(3);
      expect(stillWorks).toEqual([2, 4, 6]);
    },
  );

  when(testCase.method === 'fork')(
    'results and iterations of an inherited pool do not come, and say so',
    async () => {
      const { notHere, overHere, askerEnded, came } = await report();
      expect(notHere).toHaveLength(5);
      for (const { error } of notHere) {
        expect(error).toMatchObject({
          code: 'ERR_MP_STATE',
          message: expect.stringMatching(
            /^this (result|iteration) belongs to process \d+: it does not/,
          ),
        });
      }
      expect(overHere).toMatchObject({ done: true });
      expect(askerEnded).toBe(0);
      expect(came).toEqual([1, [2, 3], [4]]);
    },
  );
});
