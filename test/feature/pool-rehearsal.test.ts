// A pool runs a worker's code once before it forks (lib/pool/rehearsal.ts). Whatever happens meanwhile, nobody may notice.
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');

async function check(body: string): Promise<string> {
  const { code, stdout, stderr } = await forking!.run(`
const assert = require('node:assert/strict');
const { Pool, Process, fork, exitNow, currentTask } = require('node-multiprocessing');
const double = (x) => 2 * x;
const serve = async () => {
  const pool = new Pool(1);
  assert.equal(await pool.apply(double, [2]), 4);
  pool.close();
  await pool.join();
};
(async () => {
${body}
})();`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe.runIf(forking)(
  'A process that is forked while its parent makes its first pool [native]',
  () => {
    it('can have a pool of its own', async () => {
      await check(`
      const first = new Process({ target() {} });
      await first.start();
      await first.join();
      const serving = serve();
      const child = new Process({ target: serve });
      await child.start();
      assert.equal(await child.join(), 0);
      await serving;`);
    });

    it.each([0, 1, 3, 10])(
      'by fork() after %i microtasks goes on, and can have one',
      async (turns) => {
        const stdout = await check(`
      const serving = serve();
      for (let i = 0; i < ${String(turns)}; i += 1) await undefined;
      const pid = fork();
      if (pid === 0) {
        // This pool was its parent's.
        serving.catch(() => undefined);
        // What was under way leaves its event loop alone.
        await new Promise((resolve) => setTimeout(resolve, 1));
        await serve();
        require('node:fs').writeSync(1, 'served by the child');
        exitNow(0);
      }
      await serving;
      const hasEnded = () => !require('node:fs').existsSync('/proc/' + pid + '/stat') || / [ZX] /.test(require('node:fs').readFileSync('/proc/' + pid + '/stat', 'utf8'));
      while (!hasEnded()) await new Promise((resolve) => setTimeout(resolve, 5));`);
        expect(stdout).toBe('served by the child');
      },
    );

    it('and a task that makes a pool is still that task', async () => {
      await check(`
      const pool = new Pool(1);
      const ids = await pool.apply(async () => {
        const before = currentTask().id;
        await serve();
        return [before, currentTask().id];
      });
      assert.equal(ids[0], ids[1]);
      pool.close();
      await pool.join();`);
    });
  },
);
