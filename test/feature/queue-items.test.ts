// What can be put into a queue, what cannot, and what cannot be understood where it is got.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

/** A class whose instances arrive only when they are good. */
const PICKY = `
  class Picky { constructor(good) { this.good = good; } }
  mp.registerReducer(Picky, ({ good }) => good, (good) => {
    if (!good) throw new Error('not this one');
    return new Picky(good);
  }, 'picky');
  const undecodable = { name: 'SerializationError', code: 'ERR_MP_SERIALIZATION', message: /not this one/ };
`;

describeEach('An item', (testCase) => {
  test('a long byte array arrives as it was', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      for (const n of [65_535, 65_536, 65_537, 2 ** 21 + 8]) {
        const sent = new Uint8Array(n).map((_, i) => i % 251);
        for (const get of [() => queue.get(), () => queue.getNowait(), async () => (await queue.getMany(2))[0]]) {
          await queue.put(sent);
          const got = await get();
          assert.equal(Object.getPrototypeOf(got), Uint8Array.prototype);
          assert.deepEqual([got.byteOffset, got.buffer.byteLength], [0, n]);
          assert.equal(Buffer.compare(got, sent), 0);
          await queue.put(Buffer.from(sent));
          const buffer = await get();
          assert.ok(Buffer.isBuffer(buffer) && buffer.equals(sent));
        }
        for (const get of [() => queue.get(), async () => (await queue.getMany(1))[0]]) {
          const waiting = [get(), get(), get()];
          await turn();
          for (const item of [sent, Buffer.from(sent), 'x'.repeat(n)]) await queue.put(item);
          const [got, buffer, text] = await Promise.all(waiting);
          assert.equal(Object.getPrototypeOf(got), Uint8Array.prototype);
          assert.deepEqual([got.byteOffset, got.buffer.byteLength], [0, n]);
          assert.equal(Buffer.compare(got, sent), 0);
          assert.ok(Buffer.isBuffer(buffer) && buffer.equals(sent));
          assert.equal(text, 'x'.repeat(n));
        }
        await queue.putMany([1, sent, 'two', Buffer.from(sent)]);
        const items = [];
        while (items.length < 4) items.push(...(await queue.getMany(10)));
        const [one, bytes, two, buffer] = items;
        assert.deepEqual([one, two], [1, 'two']);
        assert.equal(Buffer.compare(bytes, sent), 0);
        assert.ok(buffer.equals(sent));
      }
      const bounded = new Queue({ maxBytes: 100_000 });
      await bounded.put(new Uint8Array(99_999));
      assert.equal((await bounded.get()).length, 99_999);
      await assert.rejects(bounded.put(new Uint8Array(100_000)), { name: 'RangeError', message: /100000/ });`,
    );
  });

  test('long arrays anywhere in it arrive as they were when it was put, also when that waited for room', async () => {
    await check(
      testCase,
      `const make = (fill) => ({
        floats: new Float64Array(20_000).fill(fill), list: [new Uint16Array(70_001).fill(fill), 'between', Buffer.alloc(100_000, fill)],
        view: new DataView(new ArrayBuffer(40_000)), inner: new SimpleQueue(),
      });
      const check = async (got, fill) => {
        const { inner } = got;
        await inner.put('used');
        assert.equal(await inner.get(), 'used');
        assert.deepEqual({ ...got, inner: 0 }, { ...make(fill), inner: 0 });
        const arrays = [got.floats, got.list[0], got.view];
        assert.equal(new Set(arrays.map(({ buffer }) => buffer)).size, 3);
        for (const { byteOffset, byteLength, buffer } of arrays) assert.deepEqual([byteOffset, buffer.byteLength], [0, byteLength]);
      };
      for (const queue of [new Queue(1), new Queue({ maxBytes: 600_000 }), new JoinableQueue(1)]) {
        const gets = [() => queue.get(), async () => (await queue.getMany(2))[0], async () => (await queue.getLoan()).value];
        for (const get of gets) {
          await queue.put(make(1));
          const later = make(2);
          const waiting = queue.put(later);
          await turn();
          for (const array of [later.floats, ...later.list.filter((one) => typeof one !== 'string')]) array.fill(9);
          await check(await get(), 1);
          await waiting;
          await check(await get(), 2);
          const early = get();
          await turn();
          await queue.put(make(3));
          await check(await early, 3);
          if (queue instanceof JoinableQueue) for (const _ of range(3)) queue.taskDone();
        }
      }
      const tight = new Queue({ maxBytes: 400_001 });
      await assert.rejects(tight.put(make(1)), { name: 'RangeError', message: /400001/ });
      const numbers = range(50_000).map((i) => i / 2), flags = range(100_000).map((i) => i % 3 === 0);
      await tight.put(numbers);
      assert.deepEqual(await tight.get(), numbers);
      const flagged = tight.get();
      await turn();
      await tight.put(flags);
      assert.deepEqual(await flagged, flags);`,
    );
  });

  test('arrives as it was when it was put', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const cycle = { name: 'cycle' };
      cycle.self = cycle;
      const items = [undefined, null, true, NaN, -0, 2n ** 70n, 'text', 'tëxt', new Date(0), new Map([[1, new Set([2])]]),
        cycle, [1, , 3], Buffer.from('buffer'), new Float64Array([1.5]), new RangeError('an error')];
      for (const item of items) await queue.put(item);
      for (const item of items) assert.deepEqual(await queue.get(), item);
      const changed = { n: 1, bytes: Buffer.from('abc') };
      const put = queue.put(changed);
      changed.n = 2;
      changed.bytes.fill(0);
      await put;
      const arrived = await queue.get();
      assert.deepEqual([arrived.n, String(arrived.bytes)], [1, 'abc']);`,
    );
  });

  test('may be empty, or long', async () => {
    await check(
      testCase,
      `const queue = new Queue(), results = new Queue();
      const p = await start(w.lengths, queue, results);
      for (const length of [0, 1, 2 ** 20, 3 * 2 ** 20 + 1, 0]) {
        await queue.put(Buffer.alloc(length, 9));
        assert.deepEqual(await results.get(), [length, length > 0 ? 9 : undefined]);
      }
      await queue.put('');
      assert.deepEqual(await results.get(), [0, undefined]);
      // All at once, in both directions.
      const puts = range(8).map((i) => queue.put(Buffer.alloc(i % 2 ? 2 ** 20 : i, i)));
      for (const i of range(8)) assert.deepEqual((await results.get())[0], i % 2 ? 2 ** 20 : i);
      await Promise.all(puts);
      await queue.put('end');
      assert.equal(await p.join(), 0);`,
    );
  });

  test('that cannot travel is refused by the put, and nothing is put', async () => {
    await check(
      testCase,
      `const queue = new Queue(1);
      const cannot = { name: 'SerializationError', code: 'ERR_MP_SERIALIZATION' };
      const lock = new Lock();
      await assert.rejects(queue.put(() => 1), { ...cannot, path: 'item' });
      await assert.rejects(queue.put({ a: [{ b: Symbol('b') }] }), { ...cannot, path: 'item.a[0].b' });
      await assert.rejects(queue.put([lock, { get thrown() { throw new Error('in a getter'); } }]), { ...cannot, message: /in a getter/ });
      assert.throws(() => queue.putNowait(new WeakMap()), cannot);
      assert.equal(queue.qsize(), 0);
      await queue.put('it goes on');
      assert.equal(await queue.get(), 'it goes on');
      await lock.acquire();`,
    );
  });

  test('that cannot be understood is thrown by the get, and the queue goes on', async () => {
    await check(
      testCase,
      `${PICKY}
      const queue = new Queue(2);
      await queue.put(new Picky(false));
      await queue.put('next');
      await assert.rejects(queue.get(), undecodable);
      assert.equal(await queue.get(), 'next');
      queue.putNowait(new Picky(false));
      assert.throws(() => queue.getNowait(), undecodable);
      await queue.put(new Picky(true));
      assert.ok((await queue.get()) instanceof Picky);`,
    );
  });

  test('that cannot be understood takes none of the others with it', async () => {
    await check(
      testCase,
      `${PICKY}
      const queue = new JoinableQueue();
      await queue.putMany([1, new Picky(false), 2, new Picky(false), 3]);
      assert.deepEqual(await queue.getMany(10), [1, 2, 3]);
      await queue.put(4);
      await assert.rejects(queue.getMany(10), undecodable);
      assert.throws(() => queue.getNowait(), undecodable);
      assert.deepEqual(await queue.getMany(10), [4]);
      await queue.putMany([new Picky(false), new Picky(false)]);
      await assert.rejects(queue.getMany(10), undecodable);
      await assert.rejects(queue.get(), undecodable);
      await assert.rejects(queue.get({ timeout: 0 }), empty);
      // It was got all the same, so it is to be done with.
      for (const _ of range(8)) queue.taskDone();
      await queue.join();`,
    );
  });

  test('may be a lock, another queue', async () => {
    await check(
      testCase,
      `const outer = new Queue(), inner = new Queue(), lock = new Lock();
      const p = await start(w.useAll, outer);
      await lock.acquire();
      await outer.put({ lock, inner });
      assert.deepEqual([await inner.get({ timeout: 0 }).catch((error) => error.code), lock.locked()], ['ERR_MP_QUEUE_EMPTY', true]);
      lock.release();
      assert.equal(await inner.get(), 'into the inner queue');
      await lock.acquire();
      assert.equal(await p.join(), 0);`,
    );
  });

  test('may be a connection', async () => {
    await check(
      testCase,
      `const outer = new Queue(), inner = new Queue(), lock = new Lock();
      const [here, there] = Pipe();
      const p = await start(w.useAll, outer);
      await outer.put({ lock, line: there, inner });
      there.close();
      assert.equal(await here.recv(), 'over the connection');
      assert.equal(await inner.get(), 'into the inner queue');
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
      assert.equal(await p.join(), 0);`,
    );
  });

  test('may be connections, put in every way', async () => {
    await check(
      testCase,
      `const queue = new Queue(), lock = new Lock();
      const pipes = range(3).map(() => Pipe());
      await queue.putMany([1, pipes[0][1], { lock, deep: [pipes[1][1]] }]);
      if (process.env.MULTIPROCESSING_BACKEND === 'native') queue.putSync(pipes[2][1]);
      else await queue.put(pipes[2][1]);
      for (const [, there] of pipes) there.close();
      const [one, first, { lock: same, deep: [second] }, third] = [...await queue.getMany(3), await queue.get()];
      for (const [i, there] of [first, second, third].entries()) {
        await there.send(i);
        assert.equal(await pipes[i][0].recv(), i);
        there.close();
        await assert.rejects(pipes[i][0].recv(), { code: 'ERR_MP_END_OF_FILE' });
      }
      await same.acquire();`,
    );
  });

  test('may be the queue itself, and may have arrived by any way', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      await queue.put(queue);
      const same = await queue.get();
      await same.put('to itself');
      assert.equal(await queue.get(), 'to itself');
      assert.equal(same.qsize(), 0);
      const [here, there] = Pipe();
      await here.send({ deep: [queue] });
      const { deep: [arrived] } = await there.recv();
      await arrived.put('over a connection');
      assert.equal(await queue.get(), 'over a connection');
      arrived.close();
      assert.equal(queue.closed, true, 'a side is a process’s, however many objects it has');`,
    );
  });

  test('that was never got lets go of what it carried, with its queue', async () => {
    await check(
      testCase,
      `const inner = new Queue();
      await (async () => {
        const queue = new Queue();
        await queue.putMany([1, [inner]]);
        await queue.put({ inner });
      })();
      inner.close();
      let code;
      void inner.get().catch((error) => (code = error.code));
      await settle(() => code !== undefined);
      assert.equal(code, 'ERR_MP_QUEUE_CLOSED');`,
    );
  });

  test('a connection that was never got ends with its queue', async () => {
    await check(
      testCase,
      `const [here, there] = Pipe();
      await (async () => {
        const queue = new Queue();
        await queue.put(there);
        there.close();
      })();
      const ended = here.recv().catch((error) => error.code);
      let code;
      void ended.then((given) => (code = given));
      await settle(() => code !== undefined);
      assert.equal(code, 'ERR_MP_END_OF_FILE');`,
    );
  });

  test('whose byte array was given away while it was encoded is refused', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const bytes = new Uint8Array(100_000);
      const give = () => bytes.length === 0 || structuredClone(0, { transfer: [bytes.buffer] });
      const item = { bytes, get z() { give(); return 1; } };
      await assert.rejects(queue.put(item), { code: 'ERR_MP_SERIALIZATION', message: /detached/ });
      assert.equal(queue.qsize(), 0);`,
    );
  });

  test('what the arguments may be', async () => {
    await check(
      testCase,
      `const type = { name: 'TypeError', code: 'ERR_MP_INVALID_ARGUMENT' };
      const outside = { name: 'RangeError', code: 'ERR_MP_OUT_OF_RANGE' };
      for (const [given, error, name] of [
        [-1, outside, /^maxSize/], [1.5, outside, /^maxSize/], [NaN, outside, /^maxSize/], [Infinity, outside, /^maxSize/],
        ['2', type, /^maxSize/], [null, type, /^maxSize/], [[], type, /^maxSize/],
        [{ maxSize: '2' }, type, /^options.maxSize/], [{ maxSize: -1 }, outside, /^options.maxSize/],
        [{ maxBytes: -1 }, outside, /^options.maxBytes/], [{ maxBytes: 1n }, type, /^options.maxBytes/],
      ]) {
        assert.throws(() => new Queue(given), { ...error, message: name }, String(given));
        assert.throws(() => new JoinableQueue(given), { ...error, message: name }, String(given));
      }
      assert.throws(() => new JoinableQueue({ onConsumerDied: 'forget' }), { ...outside, message: /^options.onConsumerDied/ });
      assert.throws(() => new JoinableQueue({ onConsumerDied: 1 }), { ...type, message: /^options.onConsumerDied/ });
      const queue = new JoinableQueue({ maxSize: undefined, onConsumerDied: undefined });
      for (const method of ['get', 'put']) {
        const call = (options) => (method === 'get' ? queue.get(options) : queue.put(1, options));
        for (const options of [null, 5, 'soon', []]) await assert.rejects(call(options), type);
        await assert.rejects(call({ timeout: '5' }), { ...type, message: /options.timeout/ });
        for (const timeout of [-1, NaN]) await assert.rejects(call({ timeout }), { ...outside, message: /options.timeout/ });
        await assert.rejects(call({ signal: {} }), { ...type, message: /options.signal/ });
        await assert.rejects(call({ block: 1 }), { ...type, message: /options.block/ });
      }
      for (const options of [null, 5, { timeout: -1 }]) {
        assert.throws(() => queue.putSync(1, options));
        assert.throws(() => queue.getSync(options));
        assert.throws(() => queue.getManySync(1, options));
        assert.throws(() => queue.joinSync(options));
        await assert.rejects(queue.join(options));
        await assert.rejects(queue.putMany([1], options));
        await assert.rejects(queue.getMany(1, options));
      }
      for (const max of [0, -1, 1.5, NaN]) await assert.rejects(queue.getMany(max), { ...outside, message: /^max/ });
      for (const max of [undefined, '1']) await assert.rejects(queue.getMany(max), { ...type, message: /^max/ });
      for (const items of [undefined, null, 5, {}]) await assert.rejects(queue.putMany(items), { ...type, message: /^items/ });
      assert.equal(queue.qsize(), 0);
      await queue.putMany([]);
      await queue.putMany(new Set(['a', 'b']));
      assert.deepEqual(await queue.getMany(Number.MAX_SAFE_INTEGER), ['a', 'b']);`,
    );
  });

  test('contexts have the classes too', async () => {
    await check(
      testCase,
      `const context = mp.getContext('spawn');
      for (const kind of ['Queue', 'JoinableQueue', 'SimpleQueue']) assert.equal(context[kind], mp[kind]);
      assert.ok(new mp.QueueFullError('', { put: 2 }) instanceof mp.ProcessError);
      const queue = new Queue();
      for (const error of [new mp.QueueFullError('full'), new mp.QueueEmptyError('empty'), new mp.QueueClosedError('closed')]) {
        await queue.put(error);
        const arrived = await queue.get();
        assert.equal(arrived.constructor, error.constructor);
        assert.deepEqual([arrived.message, arrived.code], [error.message, error.code]);
        assert.deepEqual(Object.keys(error), Object.keys(arrived));
      }
      assert.equal('put' in new mp.QueueFullError('full'), false);`,
    );
  });
});
