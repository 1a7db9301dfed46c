// What cannot travel is named by its place in the value, wherever it is met: in a message, and among a process's arguments.
import { test } from 'vitest';
import { check } from '../fixtures/connection/programs.js';
import { describeEach } from '../support/start-methods.js';

/** Values that cannot travel, with the path of the offender behind the name of the whole. */
const OFFENDERS = `
class Account { constructor(onChange) { this.owner = { onChange }; } }
class Guarded { inner = { get secret() { throw new Error('not here'); } }; }
const fn = () => 1;
const cyclic = { name: 'cyclic' };
cyclic.self = [cyclic, { back: cyclic, bad: Symbol('bad') }];
const detached = new ArrayBuffer(8);
structuredClone(detached, { transfer: [detached] });
const key = { key: 1 };
const offenders = [
  ['', fn], ['', Symbol('s')], ['', new WeakMap()], ['', new Proxy({}, {})], ['', Promise.resolve()],
  ['.a.b.c', { a: { b: { c: fn } } }],
  ['["a b"].c', { 'a b': { c: fn } }],
  ['[1][2].x', [0, [1, 2, { x: fn }]]],
  ['.list.extra', { list: Object.assign([1], { extra: fn }) }],
  ['.get("key").x', new Map([['key', { x: fn }]])],
  ['[...X.values()][0]', new Map([[key, fn]])],
  ['[...X.keys()][1].inner', new Map([[1, 1], [{ inner: fn }, 2]])],
  ['[...X][1].x', new Set([1, { x: fn }])],
  ['.account.owner.onChange', { account: new Account(fn) }],
  ['[0].inner.secret', [new Guarded()]],
  ['.self[1].bad', cyclic],
  ['.s', { s: Symbol('s') }], ['.w', { w: new WeakSet() }], ['.r[0]', { r: [new WeakRef({})] }], ['.p', { p: new Proxy([], {}) }],
  ['.f.bound', { f: { bound: fn.bind(null) } }], ['.C', { C: Account }],
  ['.bytes.of', { bytes: { of: detached } }],
  ['[1]', [new Error('travels'), fn]],
  ['.where', { where: new URL('https://example.org/a') }], ['[0].of', [{ of: new Blob(['bytes']) }]],
];
const fullPath = (root, path) => (path.startsWith('[...X') ? path.replace('X', root) : root + path);
const expected = (path) => (error) => {
  assert.ok(error instanceof mp.SerializationError, error.stack);
  assert.equal(error.path, path);
  assert.ok(error.message.startsWith(path + ' cannot be sent to another process: '), error.message);
  return true;
};
`;

describeEach('SerializationError', (testCase) => {
  test('names the place in what is sent over a connection, before anything is sent', async () => {
    await check(
      testCase,
      `${OFFENDERS}
      const [a, b] = Pipe();
      for (const [path, value] of offenders) await assert.rejects(a.send(value), expected(fullPath('value', path)));
      if (process.env.MULTIPROCESSING_BACKEND === 'native')
        for (const [path, value] of offenders) assert.throws(() => a.sendSync(value), expected(fullPath('value', path)));
      await a.send('only this');
      assert.equal(await b.recv(), 'only this');
      assert.equal(await b.poll(), false);
      a.close();
      b.close();`,
    );
  });
});

describeEach(
  'SerializationError',
  (testCase) => {
    test('names the place among the arguments of a process, and nothing is started', async () => {
      await check(
        testCase,
        `${OFFENDERS}
        for (const [path, value] of offenders) {
          const p = new Process({ target: t.sleepFor, args: [0, value] });
          await assert.rejects(p.start(), expected(fullPath('args[1]', path)));
          assert.equal(p.pid, undefined);
        }
        assert.deepEqual(mp.activeChildren(), []);`,
      );
    });
  },
  ({ method }) => method === 'spawn',
);
