// How the messages between a pool and its workers get into shared memory and out of it.
import path from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../support/clean-node.js';

const dist = path.resolve(import.meta.dirname, '..', '..', '..', 'dist');

async function check(body: string, nodeArgs: string[] = []): Promise<void> {
  const program = `
    const assert = require('node:assert/strict');
    const { PoolLine } = require(${JSON.stringify(path.join(dist, 'pool', 'pool-line.js'))});
    const [here, there] = PoolLine.pair();
    const task = (taskId) => ({ kind: 0, taskId });
    const turn = () => new Promise(setImmediate);
    const arrayBytes = () => process.memoryUsage().arrayBuffers;
    (async () => {
    ${body}
    here.close();
    there.close();
    })();`;
  const { stderr, code } = await runProgram(program, {
    nodeArgs,
    env: { MULTIPROCESSING_BACKEND: 'native' },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

const onLinux = process.platform === 'linux';

test.runIf(onLinux)('long byte arrays are copied once on each side', async () => {
  await check(
    `const LENGTH = 2 ** 22;
    const one = new Uint8Array(LENGTH).fill(1), floats = new Float64Array(LENGTH / 8).fill(2);
    const rows = [
      [[one], 1], [{ id: 1, data: one }, 1], [[floats], 1], [one, 1], [Buffer.from(one), 1], [new DataView(one.buffer), 1],
      // Each of several has memory of its own where it arrives, which costs a copy more.
      [{ one, floats }, 2],
    ];
    for (const [value, arrays] of rows) {
      gc();
      const before = arrayBytes();
      assert.equal(here.send(task(1), value), undefined);
      const sent = arrayBytes();
      assert.ok(sent - before < LENGTH / 4, 'sending made ' + (sent - before));
      const copy = there.tryRecv().read();
      const made = arrayBytes() - sent;
      assert.deepEqual(copy, value);
      const most = arrays === 1 ? 1 : 2 * arrays;
      assert.ok(made < (most + 0.25) * LENGTH, 'receiving made ' + made);
    }`,
    // Nothing is collected in between.
    ['--expose-gc', '--max-semi-space-size=64', '--min-semi-space-size=64'],
  );
});

test.runIf(onLinux)(
  'a long byte array arrives as one of its class in memory of its own',
  async () => {
    await check(`
    const classes = [
      Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
      BigInt64Array, BigUint64Array,
    ];
    for (const View of classes) {
      const bytes = Uint8Array.from({ length: 80_008 }, (_, i) => i % 120);
      // Not at the beginning of its memory.
      const view = new View(bytes.buffer, 8, 80_000 / View.BYTES_PER_ELEMENT);
      for (const value of [view, [view], { before: 'text', view, after: [1, { two: 2 }] }]) {
        here.send(task(2), value);
        const copy = there.tryRecv().read();
        assert.deepEqual(copy, value);
        const arrived = copy.view ?? copy[0]?.constructor === View ? copy.view ?? copy[0] : copy;
        assert.equal(arrived.constructor, View);
        assert.deepEqual([arrived.byteOffset, arrived.buffer.byteLength], [0, 80_000]);
      }
    }
    const buffer = Buffer.alloc(70_000, 'buffer');
    here.send(task(3), [buffer, buffer, 'end']);
    const [first, second, end] = there.tryRecv().read();
    assert.ok(Buffer.isBuffer(first) && first.equals(buffer) && first === second && end === 'end');
    const several = [Buffer.alloc(40_000, 1), new Uint16Array(40_000).fill(2), new Uint8Array(1), new Uint8Array(90_000).fill(3)];
    here.send(task(4), several);
    const copies = there.tryRecv().read();
    assert.deepEqual(copies, several);
    assert.deepEqual(copies.slice(1).map((one) => one.buffer.byteLength), [80_000, 1, 90_000]);
    const numbers = Array.from({ length: 50_000 }, (_, i) => i / 4);
    here.send(task(5), numbers);
    const frame = there.tryRecv();
    assert.deepEqual([frame.kind, frame.taskId, frame.read()], [0, 5, numbers]);
    const failed = { error: new RangeError('far', { cause: 1 }), data: new Uint8Array(100_000).fill(4) };
    here.send(task(6), failed);
    const { error, data } = there.tryRecv().read();
    assert.ok(error instanceof RangeError && error.cause === 1);
    assert.deepEqual(data, failed.data);`);
  },
);

test.runIf(onLinux)(
  'a long byte array that waits for room is not copied, and is what it is when there is room',
  async () => {
    await check(`
    const LENGTH = 2 ** 22;
    const [first, second, third] = [1, 2, 3].map((n) => new Uint8Array(LENGTH).fill(n));
    assert.equal(here.send(task(1), [first]), undefined);
    const before = arrayBytes();
    const waiting = here.send(task(2), [second]);
    const fails = assert.rejects(here.send(task(3), [third]), { code: 'ERR_MP_SERIALIZATION', message: /taken away/ });
    const behind = here.send(task(4), 'behind');
    assert.ok(arrayBytes() - before < LENGTH / 4);
    second.fill(7);
    structuredClone(0, { transfer: [third.buffer] });
    assert.deepEqual(there.tryRecv().read(), [first]);
    await waiting;
    const frame = there.tryRecv();
    assert.equal(frame.taskId, 2);
    assert.ok(frame.read()[0].every((byte) => byte === 7));
    await fails;
    await behind;
    assert.equal(there.tryRecv().read(), 'behind');`);
  },
);

test.runIf(onLinux)('the header of a message in parts can be taken back', async () => {
  await check(`
    assert.equal(here.send(task(8), [new Uint8Array(200_000)]), undefined);
    assert.equal(here.takeBack().taskId, 8);
    assert.equal(here.takeBack(), undefined);
    assert.equal(there.tryRecv(), undefined);
    here.send(task(9), [new Uint8Array(200_000).fill(9)]);
    assert.equal((await there.recv()).read()[0][199_999], 9);`);
});

test.runIf(onLinux)('parts that are none are refused, and nothing is sent', async () => {
  await check(`
    const { backend } = require(${JSON.stringify(path.join(dist, 'backend', 'index.js'))});
    const [left, right] = backend().channelPair(true);
    const bytes = new Uint8Array(50_000), front = new Uint8Array(8);
    for (const wrong of [
      { front: new Uint8Array(1), more: [] }, { front: new Uint8Array(0), more: [] }, { front: new Uint16Array(8), more: [] },
      { front: {}, more: [] }, { front, more: [1] }, { front, more: 7 }, { front, more: [new Uint16Array(4)] }, { front, more: [], head: 3 },
    ]) {
      assert.throws(() => left.trySend({ bytes, handles: [], ...wrong }), TypeError);
      assert.equal(right.tryRecv(), undefined);
    }
    left.close();
    right.close();`);
});

test.runIf(onLinux)(
  'who waits is told of what was sent untold: once, when asked to, or before there is to be room',
  async () => {
    await check(
      `
    const calls = () => nativeCalls.splice(0);
    here.tell();
    here.send(task(1), 1, 'value', true);
    here.send(task(2), 2, 'value', true);
    assert.deepEqual(calls(), ['pipeSendUntold', 'pipeSendUntold']);
    here.tell();
    here.tell();
    assert.deepEqual(calls(), ['pipeTell']);
    here.send(task(3), 3, 'value', true);
    here.send(task(4), 4);
    here.tell();
    assert.deepEqual(calls(), ['pipeSendUntold', 'pipeSend']);
    for (const id of [1, 2, 3, 4]) assert.deepEqual([there.tryRecv().taskId], [id]);

    // A long one has room only where it is alone.
    here.send(task(5), 5, 'value', true);
    const waiting = here.send(task(6), new Uint8Array(2 ** 20));
    assert.ok(waiting instanceof Promise);
    assert.ok(calls().includes('pipeTell'));
    assert.equal(there.tryRecv().taskId, 5);
    await waiting;
    assert.equal((await there.recv()).taskId, 6);`,
      [
        '--require',
        path.join(import.meta.dirname, '..', '..', 'fixtures', 'pool', 'native-calls.cjs'),
      ],
    );
  },
);

test.runIf(onLinux)(
  'a worker lets go of the lines of those that are started beside it',
  async () => {
    await check(`
    const { becomeWorker } = require(${JSON.stringify(path.join(dist, 'entry', 'pool-worker.js'))});
    const { Process } = require('node-multiprocessing').getContext('fork');
    const [other, beside] = PoolLine.pair();
    const [control, itsControl] = PoolLine.pair();
    const worker = new Process({
      daemon: true,
      target: () => becomeWorker({ tasks: there, control: itsControl }, { functions: { horizon: 0 } }),
    });
    await worker.start();
    for (const line of [there, itsControl, beside]) line.close();
    assert.notEqual(await here.recv(), undefined);
    // It lives, and nobody has the other end of this one any more.
    assert.equal(await other.poll(), true);
    assert.equal(await other.recv(), undefined);
    for (const line of [here, control, other]) line.close();
    assert.equal(await worker.join(), 0);`);
  },
);
