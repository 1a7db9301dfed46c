// What a start by fork waits for before it forks, and the hooks around it, as they were given.
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');

async function holds(body: string): Promise<string> {
  const { code, stdout, stderr } = await forking!.run(`
    const assert = require('node:assert/strict');
    const { Process, registerAtFork } = require('node-multiprocessing');
    (async () => {${body}})();`);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe.runIf(forking)('before a fork [native]', () => {
  it('names that are being looked up are answered', async () => {
    await holds(`
      const { lookup } = require('node:dns');
      for (let n = 0; n < 20; n++) {
        const answered = [];
        for (let k = 0; k < 4; k++) lookup('nonexistent-' + n + '-' + k + '.invalid', () => answered.push(k));
        const child = new Process({ target: () => process.exit(answered.length) });
        await child.start();
        assert.equal(await child.join(), 4);
      }`);
  });

  it('what the parent has printed is out, and comes from no child once more', async () => {
    const printed = await holds(`
      const longest = 'x'.repeat(1000);
      for (let line = 0; line < 2000; line++) console.log(line + ' ' + longest);
      assert(process.stdout.writableLength > 0, 'all is out by itself');
      const child = new Process({ target: () => console.log('the child') });
      await child.start();
      await child.join();`);
    const firstWords = printed
      .trim()
      .split('\n')
      .map((line) => line.split(' x')[0]);
    const lines = Array.from({ length: 2000 }, (_, line) => String(line));
    expect(firstWords).toEqual([...lines, 'the child']);
  });
});

describe.runIf(forking)('registerAtFork() [native]', () => {
  it('takes functions in an object, and nothing else', async () => {
    await holds(`
      for (const hooks of [undefined, null, () => {}, 'before', [], 7])
        assert.throws(() => registerAtFork(hooks), { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT', message: /^hooks must be an object, got / });
      for (const name of ['before', 'afterInParent', 'afterInChild'])
        for (const hook of [null, {}, 'hook'])
          assert.throws(() => registerAtFork({ [name]: hook }), { name: 'TypeError', message: new RegExp('^hooks.' + name + ' must be a function') });
      registerAtFork({})();
      const child = new Process();
      await child.start();
      assert.equal(await child.join(), 0);`);
  });

  it('keeps what it was given, as often as it was given it', async () => {
    await holds(`
      const calls = [];
      const hooks = { before: () => calls.push('given') };
      const takeBack = [registerAtFork(hooks), registerAtFork(hooks)];
      hooks.before = () => calls.push('put there later');
      hooks.afterInParent = 'no function';
      const fork = async () => {
        calls.length = 0;
        const child = new Process({ target: () => process.exit(calls.length) });
        await child.start();
        return child.join();
      };
      // Every attempt counts, of which there may be several.
      assert.equal((await fork()) % 2, 0);
      assert.deepEqual([...new Set(calls)], ['given']);
      takeBack[0]();
      takeBack[0]();
      assert((await fork()) >= 1);
      takeBack[1]();
      assert.equal(await fork(), 0);`);
  });
});
