// Processes and pipes where no descriptors are left (ulimit -n): an error that says so, nothing leaked, and a later try that works.
import { test } from 'vitest';
import { check } from '../fixtures/process/programs.js';
import { describeEach } from '../support/start-methods.js';

/** The body runs with few descriptors, and these at hand. */
const limited = (body: string): string => `
if (!process.env.LIMITED) {
  const { spawnSync } = require('node:child_process');
  const limit = ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, '--expose-gc', __filename];
  process.exitCode = spawnSync('sh', limit, { stdio: 'inherit', env: { ...process.env, LIMITED: '1' } }).status;
  return;
}
const descriptors = () => fs.readdirSync('/proc/self/fd').length;
/** Takes all descriptors but so many. */
const take = (free) => {
  const taken = [];
  try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { assert.equal(error.code, 'EMFILE'); }
  for (const fd of taken.splice(0, free)) fs.closeSync(fd);
  return () => taken.forEach((fd) => fs.closeSync(fd));
};
const exhausted = (error) => {
  assert.ok(error instanceof mp.SystemError, error.stack);
  assert.deepEqual([error.code, error.errno], ['EMFILE', -24]);
  return /^(socketpair|pipe2|open|pidfd_open|fcntl|spawn )/.test(error.syscall) || assert.fail(error.syscall);
};
/** With the error that a process which could not be started has given, or undefined. */
const tryStart = async (p) => {
  try { await p.start(); } catch (error) { return exhausted(error) && error; }
};
for (const end of Pipe()) end.close();
${body}`;

describeEach(
  'Without descriptors',
  (testCase) => {
    test('the first start rejects, and the next one works', async () => {
      await check(
        testCase,
        limited(`
        const giveBack = take(0);
        const p = new Process({ target: t.nothing });
        await assert.rejects(p.start(), exhausted);
        assert.deepEqual(activeChildren(), []);
        giveBack();
        await p.start();
        assert.equal(await p.join(), 0);`),
      );
    });

    test('however many are left: a process runs, or is refused and leaves nothing', async () => {
      await check(
        testCase,
        limited(`
        const first = new Process({ target: t.nothing });
        await first.start();
        await first.join();
        const before = descriptors();
        const outcomes = new Set();
        for (let free = 0; free < 10; free++) {
          const giveBack = take(free);
          const p = new Process({ target: t.nothing, stderr: free % 2 ? 'inherit' : 'ignore' });
          await p.start().catch(exhausted);
          if (p.pid !== undefined) assert.equal(await p.join(), 0, 'with ' + free);
          outcomes.add(p.pid === undefined);
          for (const end of Pipe()) end.close();
          giveBack();
          if (p.pid === undefined) {
            await p.start();
            assert.equal(await p.join(), 0);
          }
          await sleep(0);
          assert.equal(descriptors(), before, 'with ' + free);
        }
        assert.deepEqual([...outcomes], [true, false]);`),
      );
    });
  },
  ({ backend }) => backend === 'native',
);

describeEach(
  'Without descriptors, on the fallback',
  (testCase) => {
    test("however many are left: a process runs, or is refused with the system's error and leaves nothing", async () => {
      await check(
        testCase,
        limited(`
        const first = new Process({ target: t.nothing });
        await first.start();
        await first.join();
        let before = descriptors();
        const refused = [];
        for (let free = 0; free < 8; free++) {
          const giveBack = take(free);
          const p = new Process({ target: t.nothing, stderr: free % 2 ? 'inherit' : '/dev/null' });
          const error = await tryStart(p);
          refused.push(error !== undefined);
          if (error === undefined) assert.equal(await p.join(), 0, 'with ' + free);
          else assert.match(error.message, /^the child process could not be started: .*EMFILE/);
          giveBack();
          if (error !== undefined) {
            assert.deepEqual(activeChildren(), []);
            await p.start();
            assert.equal(await p.join(), 0);
          }
          await sleep(0);
          // Node's own spawn() keeps what it had made when the child could not be: the channel, and the guard's pipe.
          assert.ok(descriptors() <= before + (error ? 2 : 0), 'with ' + free);
          before = descriptors();
        }
        assert.deepEqual([refused[0], refused.at(-1)], [true, false]);`),
      );
    });
  },
  ({ backend }) => backend === 'fallback',
);
