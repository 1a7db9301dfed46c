// A pool forks one worker first (lib/pool/one-first.ts). Whatever becomes of that one, the others come.
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');

async function check(body: string): Promise<void> {
  const { code, stderr } = await forking!.run(`
const assert = require('node:assert/strict');
const { Barrier, Pool, ProcessPoolExecutor, registerAtFork } = require('node-multiprocessing');
(async () => {
${body}
})();`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

describe.runIf(forking)('A pool of forked workers [native]', () => {
  it.each(['Pool', 'ProcessPoolExecutor'])(
    'has the others while the first one is busy: %s',
    async (kind) => {
      await check(`
      const barrier = new Barrier(3);
      const meet = () => barrier.waitSync();
      const run = {
        Pool: async () => {
          const pool = new Pool(3);
          const turns = await pool.map(meet, [1, 2, 3], { chunkSize: 1 });
          pool.close();
          await pool.join();
          return turns;
        },
        ProcessPoolExecutor: async () => {
          const executor = new ProcessPoolExecutor(3);
          const turns = await Promise.all([1, 2, 3].map(() => executor.submit(meet).result()));
          await executor.shutdown();
          return turns;
        },
      };
      assert.deepEqual((await run.${kind}()).sort(), [0, 1, 2]);`);
    },
  );

  it('of an executor have what waits behind quick calls', async () => {
    await check(`
      const barrier = new Barrier(2);
      const work = (meets) => (meets ? barrier.waitSync() : -1);
      const executor = new ProcessPoolExecutor(2);
      const calls = [false, false, false, true, true].map((meets) => executor.submit(work, meets));
      const turns = await Promise.all(calls.map((call) => call.result()));
      assert.deepEqual(turns.sort((a, b) => a - b), [-1, -1, -1, 0, 1]);
      await executor.shutdown();`);
  });

  it('does not wait for a first one that is stopped at its birth', async () => {
    await check(`
      let births = 0;
      registerAtFork({
        before: () => { births += 1; },
        afterInChild: () => { if (births === 1) process.kill(process.pid, 'SIGSTOP'); },
      });
      const pool = new Pool(2);
      assert.deepEqual(await pool.map((x) => 2 * x, [1, 2, 3], { chunkSize: 1 }), [2, 4, 6]);
      pool.terminate();
      await pool.join();`);
  });

  it('has all of them when they are asked for', async () => {
    await check(`
      const pool = new Pool(3);
      const done = pool.apply(() => 1);
      await pool.ready();
      assert.equal(pool.stats.workers, 3);
      assert.equal(await done, 1);
      pool.close();
      await pool.join();`);
  });
});
