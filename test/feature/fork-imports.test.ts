// An import() that is under way while the program forks: one that is being read is waited for, and of another one the child says what it is.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');
const fixtures = path.resolve(import.meta.dirname, '..', 'fixtures', 'fork');
const read = path.join(fixtures, 'read-module.mjs');
const awaiting = path.join(fixtures, 'awaiting-module.mjs');

describe.runIf(forking)('import() under way at a fork [native]', () => {
  it('of a module that is being read works in the child', async () => {
    const { code, stdout, stderr } = await forking!.run(`
      const { Pool, Process } = require('node-multiprocessing');
      const get = async (file) => (await import(file)).answer;
      (async () => {
        const seen = [];
        for (let n = 0; n < 5; n++) {
          const file = ${JSON.stringify(read)} + '?' + n;
          const child = new Process({ target: async () => process.exit(await get(file)) });
          const [answer] = await Promise.all([get(file), child.start()]);
          seen.push(answer, await child.join());
        }
        const pool = new Pool(1);
        const file = ${JSON.stringify(read)} + '?pool';
        seen.push(...await Promise.all([get(file), pool.apply(get, [file])]));
        pool.close();
        await pool.join();
        console.log(seen.join());
      })();`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`${Array<number>(12).fill(42).join()}\n`);
  });

  it('of a module that fails leaves the start alone', async () => {
    const { code, stdout, stderr } = await forking!.run(`
      const { Process } = require('node-multiprocessing');
      (async () => {
        const failing = import(${JSON.stringify(`${read}-that-is-not-there.mjs`)}).catch((error) => error.code);
        const child = new Process({ target: async () => (await import(${JSON.stringify(read)})).answer });
        const [failed] = await Promise.all([failing, child.start()]);
        console.log(failed, await child.join());
      })();`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('ERR_MODULE_NOT_FOUND 0\n');
  });

  it('of a module that awaits something is told by the child and by the pool', async () => {
    const { code, stdout, stderr } = await forking!.run(`
      const { Pool, Process } = require('node-multiprocessing');
      const get = async (file) => (await import(file)).answer;
      (async () => {
        const file = ${JSON.stringify(awaiting)};
        const importing = get(file);
        while (globalThis.goOn === undefined) await new Promise(setImmediate);
        const child = new Process({ target: get, args: [file] });
        await child.start();
        console.log(await child.join());
        const pool = new Pool(1);
        console.log(await pool.apply(get, [file]).catch(({ message }) => message));
        pool.terminate();
        await pool.join();
        goOn();
        console.log(await importing);
      })();`);
    expect(code).toBe(0);
    const why =
      /a forked \w+ never sees the end of what its parent had under way, such as an import/;
    const [ofProcess, ofPool, answer] = stdout.trim().split('\n');
    expect([ofProcess, answer]).toEqual(['13', '42']);
    expect(ofPool).toMatch(/exited with code 13, as nothing was left to settle/);
    expect(ofPool).toMatch(why);
    expect(stderr).toMatch(/^Process \S+: the promise of its work never settled/);
    expect(stderr).toMatch(why);
  });
});
