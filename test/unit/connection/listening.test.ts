// Who listens to a channel is handed its messages without asking for each, on both backends.
import path from 'node:path';
import { describe, expect, test as always } from 'vitest';
import { runProgram } from '../../support/clean-node.js';

const dist = path.resolve(import.meta.dirname, '..', '..', '..', 'dist');

async function check(backend: string, body: string): Promise<void> {
  const program = `
    const assert = require('node:assert/strict');
    const { backend } = require(${JSON.stringify(path.join(dist, 'backend', 'index.js'))});
    const [here, there] = backend().channelPair(true);
    const send = (text) => here.send({ bytes: Buffer.from(text), handles: [] }, {});
    const heard = [];
    const listener = {
      message: ({ bytes }) => { heard.push(Buffer.from(bytes).toString()); },
      ended: (error) => { heard.push(error.name); },
    };
    const until = async (count) => { while (heard.length < count) await new Promise(setImmediate); };
    const quiet = () => new Promise((resolve) => setTimeout(resolve, 50));
    (async () => {
    ${body}
    here.close();
    there.close();
    })();`;
  const { stderr, code } = await runProgram(program, { env: { MULTIPROCESSING_BACKEND: backend } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

describe.each(['native', 'fallback'])('%s', (backend) => {
  const test = always.runIf(backend === 'fallback' || process.platform === 'linux');

  test('it is handed what was there before and what comes, in order, and then the end', async () => {
    await check(
      backend,
      `await send('before');
      there.listen(listener);
      assert.deepEqual(heard, [], 'from the event loop only');
      const texts = Array.from({ length: 1000 }, (_, i) => 'message ' + i);
      for (const text of texts) await send(text);
      await until(1001);
      here.close();
      await until(1002);
      assert.deepEqual(heard, ['before', ...texts, 'EndOfFileError']);`,
    );
  });

  test('it keeps the event loop alive until it is stopped, and what comes then is for the next who asks', async () => {
    await check(
      backend,
      `const stop = there.listen(listener);
      await send('heard');
      await until(1);
      await stop();
      await stop();
      await send('asked for');
      await quiet();
      assert.deepEqual(heard, ['heard']);
      assert.equal(Buffer.from((await there.recv({})).bytes).toString(), 'asked for');
      there.listen(listener);
      await send('heard again');
      await until(2);
      assert.equal(heard[1], 'heard again');`,
    );
  });

  test('it may stop, send and close while it is handed a message', async () => {
    await check(
      backend,
      `const stop = there.listen({
        ...listener,
        message(message) {
          listener.message(message);
          if (heard.length === 2) stop();
          there.send({ bytes: Buffer.from('answer'), handles: [] }, {});
        },
      });
      await Promise.all(['one', 'two', 'three'].map(send));
      await until(2);
      await quiet();
      assert.deepEqual(heard.slice(0, 2), ['one', 'two']);
      for (let i = 0; i < 2; i += 1) assert.equal(Buffer.from((await here.recv({})).bytes).toString(), 'answer');
      there.listen({ ...listener, message(message) { listener.message(message); there.close(); } });
      await quiet();
      assert.equal(heard.at(-1), 'three');
      assert.equal(heard.length, 3, 'closing says nothing');`,
    );
  });

  test('what it throws is uncaught, and neither its next messages nor the waits of others are lost', async () => {
    await check(
      backend,
      `const uncaught = [];
      process.on('uncaughtException', ({ message }) => uncaught.push(message));
      const [other, another] = backend().channelPair(true);
      there.listen({ ...listener, message(message) { listener.message(message); throw new Error('of ' + heard.at(-1)); } });
      const waiting = another.recv({});
      await quiet();
      // Both are served in one look.
      const sent = [send('one'), other.send({ bytes: Buffer.from('two'), handles: [] }, {}), send('three')];
      await Promise.all(sent);
      assert.equal(Buffer.from((await waiting).bytes).toString(), 'two');
      await until(2);
      await quiet();
      assert.deepEqual(heard, ['one', 'three']);
      assert.deepEqual(uncaught, ['of one', 'of three']);
      other.close();
      another.close();`,
    );
  });

  test('a second one, an end that is closed, and one that only sends are refused', async () => {
    await check(
      backend,
      `const stop = there.listen(listener);
      assert.throws(() => there.listen(listener), { name: 'StateError' });
      const stopped = stop();
      there.listen(listener);
      await stopped;
      await send('to the second');
      await until(1);
      const [receiver, sender] = backend().channelPair(false);
      assert.throws(() => sender.listen(listener), { name: 'StateError' });
      receiver.close();
      assert.throws(() => receiver.listen(listener), { name: 'ClosedError' });
      sender.close();`,
    );
  });
});

always.runIf(process.platform === 'linux')(
  'natively, in a forked child nobody listens to what its parent listens to',
  async () => {
    await check(
      'native',
      `const { Process } = require('node-multiprocessing').getContext('fork');
    const stop = there.listen(listener);
    const child = new Process({ target: () => { there.listen(listener)(); } });
    await child.start();
    await send('for the parent');
    assert.equal(await child.join(), 0);
    await until(1);
    assert.throws(() => there.listen(listener), { name: 'StateError' });
    stop();`,
    );
  },
);

always.runIf(process.platform === 'linux')(
  'natively, who cannot wait for want of a descriptor is told, and can later',
  async () => {
    await check(
      'native',
      `if (!process.env.LIMITED) {
      const limit = ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, __filename];
      const options = { stdio: 'inherit', env: { ...process.env, LIMITED: '1' } };
      process.exitCode = require('node:child_process').spawnSync('sh', limit, options).status;
      return;
    }
    const fs = require('node:fs');
    const taken = [];
    const takeAll = () => { for (;;) taken.push(fs.openSync('/dev/null')); };
    assert.throws(takeAll, { code: 'EMFILE' });
    assert.throws(() => there.listen(listener), { code: 'EMFILE' });
    await assert.rejects(there.recv({}), { code: 'EMFILE' });
    await assert.rejects(there.poll({}), { code: 'EMFILE' });
    for (const fd of taken) fs.closeSync(fd);
    const received = there.recv({});
    await send('received');
    assert.equal(Buffer.from((await received).bytes).toString(), 'received');
    there.listen(listener);
    await send('heard');
    await until(1);`,
    );
  },
);
