// A queue that a process has let go of, and uses again.
import path from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../support/clean-node.js';

const backend = path.resolve(import.meta.dirname, '..', '..', '..', 'dist', 'backend', 'index.js');

async function check(body: string): Promise<void> {
  const program = `
    const assert = require('node:assert/strict');
    const queues = require(${JSON.stringify(backend)}).backend().queues();
    const DONE = 1, CLOSED = 7;
    const message = (text) => ({ bytes: Buffer.from(text), handles: [] });
    const decode = (bytes, start, end) => bytes.toString('utf8', start, end);
    const make = () => queues.create({ maxSize: 3, maxBytes: 0, onConsumerDied: undefined });
    ${body}`;
  const { stderr, code } = await runProgram(program, {
    env: { MULTIPROCESSING_BACKEND: 'native' },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

const onLinux = process.platform === 'linux';

test.runIf(onLinux)(
  'a queue that was let go of is the same again when it is used, with a side to put from',
  async () => {
    await check(`
        const handle = make();
        assert.equal(handle.putSync(message('before'), 0), DONE);
        const { reference, handle: travelling } = handle.toTransfer();
        const other = queues.fromTransfer(reference, undefined);
        travelling.sent();
        handle.leave();
        handle.leave();
        assert.equal(handle.putSync(message('after'), 0), DONE);
        assert.equal(other.size(), 2);
        assert.deepEqual(other.getSync(decode, 0), { value: 'before' });
        assert.deepEqual(handle.getSync(decode, 0), { value: 'after' });
        assert.deepEqual([handle.closed, handle.shape.maxSize], [false, 3]);`);
  },
);

test.runIf(onLinux)(
  'a queue that was let go of is closed and empty when nobody had it any more',
  async () => {
    await check(`
        const handle = make();
        assert.equal(handle.putSync(message('lost'), 0), DONE);
        handle.leave();
        assert.equal(handle.putSync(message('too late'), 0), CLOSED);
        assert.equal(handle.getSync(decode, 0), CLOSED);
        assert.deepEqual([handle.closed, handle.size(), handle.pollSync(0)], [true, 0, true]);`);
  },
);
