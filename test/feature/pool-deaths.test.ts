import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach, when } from '../support/start-methods.js';

const died = (about: object): object => ({
  error: { kind: 'WorkerDiedError', code: 'ERR_MP_WORKER_DIED', ...about },
});

describeEach('a worker that dies', (testCase) => {
  const report = program(testCase, 'deaths');

  test('fails exactly its task, which says how it ended', async () => {
    const { exit0, exit7, killed, crashed, never, map } = await report();
    expect(exit0).toMatchObject(died({ exitCode: 0, signalCode: null, ran: true }));
    expect(exit7).toMatchObject(
      died({
        exitCode: 7,
        message: expect.stringMatching(
          /PoolWorker-\d+ \(pid \d+\) exited with code 7 while it ran exit/,
        ),
      }),
    );
    expect(killed).toMatchObject(
      died({ exitCode: -9, signalCode: 'SIGKILL', pid: expect.any(Number) }),
    );
    expect(crashed).toMatchObject(died({ exitCode: 1 }));
    expect(map).toMatchObject(died({ exitCode: 3 }));
    // Nothing is left in that process that could settle its promise: it ends, where a thread would wait for ever.
    expect(never).toMatchObject(died({ exitCode: 13 }));
  });

  test('does not touch the tasks of others', async () => {
    const { neighbours, iterated } = await report();
    expect(neighbours).toEqual([
      { value: Array.from({ length: 20 }, (_, i) => i) },
      'WorkerDiedError',
    ]);
    expect(iterated).toEqual([0, 1, 3, 4, 5, 'died']);
  });

  test('is replaced, also when it was idle', async () => {
    const { afterIdleDeath, stats } = await report();
    expect(afterIdleDeath).toEqual([2, 4, 6]);
    expect(stats).toMatchObject({ workers: 2, queued: 0 });
  });
});

describeEach('an initializer', (testCase) => {
  const report = program(testCase, 'broken');

  test('that fails breaks the pool instead of being run for ever', async () => {
    const { failing, exiting } = await report();
    for (const outcome of Object.values(failing)) {
      expect(outcome).toMatchObject({
        error: {
          kind: 'BrokenPoolError',
          message: expect.stringMatching(/initializer failed in worker/),
          cause: { kind: 'RangeError', message: 'no database' },
        },
      });
    }
    for (const outcome of Object.values(exiting)) {
      expect(outcome).toMatchObject({
        error: {
          kind: 'BrokenPoolError',
          message: expect.stringMatching(
            /PoolWorker-\d+ \(pid \d+\) ended in its initializer: it exited with code 5$/,
          ),
          cause: { kind: 'WorkerDiedError', exitCode: 5 },
        },
      });
    }
  });
});

describeEach('a task', (testCase) => {
  // Too little for what it makes, and the workers have it from the program.
  const report = program(testCase, 'rough', { nodeArgs: ['--max-old-space-size=60'] });

  test('that runs out of memory ends its worker alone, and the pool is full again', async () => {
    const { memory, fullAfterMemory } = await report();
    expect(memory).toMatchObject(died({ signalCode: expect.any(String), ran: true }));
    expect(fullAfterMemory).toBe(true);
  });

  when(process.platform === 'linux')(
    'that closes all descriptors of its process has its answer or ends it, and the pool is full again',
    async () => {
      const { descriptors, fullAfterDescriptors } = await report();
      // Natively the answer is shared memory. A channel of the fallback is closed with the rest.
      if (testCase.backend === 'fallback') expect(descriptors).toMatchObject(died({ ran: true }));
      else expect(['none', 'WorkerDiedError']).toContain(descriptors.error?.kind ?? 'none');
      expect(fullAfterDescriptors).toBe(true);
    },
  );
});

describeEach('workers that die without work', (testCase) => {
  test('break the pool when they are too many, and the last one is named', async () => {
    const { idle, lost, killed } = await program(testCase, 'broken')();
    const last = killed.at(-1);
    expect(killed.length).toBeGreaterThanOrEqual(8);
    for (const outcome of [idle, lost])
      expect(outcome).toMatchObject({
        error: {
          kind: 'BrokenPoolError',
          message: expect.stringMatching(
            `8 idle workers ended within 10 seconds, the last one so: worker \\S+ \\(pid ${last}\\) was killed by SIGKILL`,
          ),
          cause: { kind: 'WorkerDiedError', pid: last, signalCode: 'SIGKILL', ran: false },
        },
      });
  });
});

describeEach('random kills under load', (testCase) => {
  test('every task settles exactly once, and the pool ends at full size', async () => {
    const {
      made,
      settled,
      died: deaths,
      failed,
      kills,
      wrong,
      answering,
      size,
    } = await program(testCase, 'storm')();
    expect(wrong).toEqual([]);
    expect(settled).toBe(made);
    expect(kills).toBeGreaterThan(0);
    expect(failed).toBe(deaths);
    expect(answering).toBe(size);
  });
});
