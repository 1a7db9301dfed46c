// Connections among the arguments of a pool's work, in workers that have loaded nothing of the package by themselves.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { describeEach } from '../support/start-methods.js';

const functions = pathToFileURL(
  path.resolve(import.meta.dirname, '..', 'fixtures', 'pool', 'without-package.mjs'),
).href;

const program = (body: string): string => `
import assert from 'node:assert/strict';
import { Connection, Pipe, Pool } from 'node-multiprocessing';
import { keep, tell, tellKept } from ${JSON.stringify(functions)};
const startMethod = process.env.MP_TEST_START_METHOD;
${body}`;

describeEach('A connection in a pool', (testCase) => {
  const check = async (body: string): Promise<void> => {
    const { code, stderr } = await testCase.run(program(body), { esm: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  };

  test('is an argument of the first task', async () => {
    await check(`
      const pool = new Pool({ processes: 1, startMethod });
      const [here, there] = Pipe();
      const told = pool.apply(tell, [there, { hello: 'task' }]);
      assert.deepEqual(await here.recv(), { hello: 'task' });
      assert.equal(await told, 'Connection');
      pool.close();
      await pool.join();
      there.close();
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
      here.close();`);
  });

  test('is an argument of the first task, whose function travels as its source', async () => {
    await check(`
      const pool = new Pool({ processes: 1, startMethod });
      const [here, there] = Pipe();
      const told = pool.apply(async (connection) => { await connection.send('source'); }, [there]);
      assert.equal(await here.recv(), 'source');
      await told;
      for (const end of [here, there]) end.close();
      pool.close();
      await pool.join();`);
  });

  test('is an argument of the initializer', async () => {
    await check(`
      const [here, there] = Pipe();
      const pool = new Pool({ processes: 1, startMethod, initializer: keep, initArgs: [there] });
      await pool.apply(tellKept, ['kept']);
      assert.equal(await here.recv(), 'kept');
      pool.close();
      await pool.join();
      there.close();
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
      here.close();`);
  });

  test('is the first result', async () => {
    await check(`
      const pool = new Pool({ processes: 1, startMethod });
      const [here, there] = Pipe();
      const back = await pool.apply((connection) => connection, [there]);
      assert.ok(back instanceof Connection);
      await back.send('back');
      assert.equal(await here.recv(), 'back');
      for (const end of [here, there, back]) end.close();
      pool.close();
      await pool.join();`);
  });
});
