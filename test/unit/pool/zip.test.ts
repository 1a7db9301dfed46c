import { expect, test } from 'vitest';
import { Zip } from '../../../lib/pool/zip.js';

const closing = (items: Iterable<unknown>, closed: string[], name: string): Iterable<unknown> =>
  (function* () {
    try {
      yield* items;
    } finally {
      closed.push(name);
    }
  })();

test('goes on until the shortest has no more, and closes the others', () => {
  const closed: string[] = [];
  const zip = new Zip([closing([1, 2, 3], closed, 'long'), closing('ab', closed, 'short')]);
  expect([zip.next(), zip.next(), zip.next(), zip.next()]).toEqual([
    [1, 'a'],
    [2, 'b'],
    undefined,
    undefined,
  ]);
  expect(closed).toEqual(['short', 'long']);
});

test('of nothing is nothing', () => {
  expect(new Zip([]).next()).toBe(undefined);
});

test('an error ends it and closes the others', () => {
  const closed: string[] = [];
  const throwing = (function* () {
    yield 1;
    throw new Error('no second');
  })();
  const zip = new Zip([closing([1, 2, 3], closed, 'other'), throwing]);
  expect(zip.next()).toEqual([1, 1]);
  expect(() => zip.next()).toThrow('no second');
  expect(closed).toEqual(['other']);
  expect(zip.next()).toBe(undefined);
});

test('what is thrown while closing stops nothing, and does not hide the error before it', () => {
  const closed: string[] = [];
  const bad = (): Iterable<unknown> =>
    (function* () {
      try {
        yield 1;
        yield 2;
      } finally {
        // eslint-disable-next-line no-unsafe-finally -- what happens then is the question
        throw new Error('no end');
      }
    })();
  const failing = (function* () {
    yield 1;
    throw new Error('no second');
  })();
  const early = new Zip([bad(), closing([1, 2], closed, 'other')]);
  early.next();
  expect(() => early.close()).toThrow('no end');
  expect(closed).toEqual(['other']);
  const late = new Zip([bad(), failing]);
  late.next();
  expect(() => late.next()).toThrow('no second');
});

test('can be closed early, twice', () => {
  const closed: string[] = [];
  const zip = new Zip([closing([1, 2], closed, 'one')]);
  zip.next();
  zip.close();
  zip.close();
  expect(closed).toEqual(['one']);
  expect(zip.next()).toBe(undefined);
});
