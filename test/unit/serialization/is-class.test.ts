import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { isClass } from '../../../lib/serialization/is-class.js';
import { referTo } from '../../../lib/serialization/function-ref.js';
import { whyUnclonable } from '../../../lib/serialization/unclonable.js';

/** As it is written: the runner's compiler would take the comments away. */
const evaluate = (text: string): object => runInNewContext(text) as object;

describe('a class', () => {
  for (const text of [
    'class A {}',
    'class{}',
    'class {}',
    'class\nA{}',
    'class extends Object {}',
    'class/**/{}',
    'class/* ( */A{}',
    'class // (\n A {}',
    'class /* a */ /** ** b **/ \\u0041 {}',
    'class $ {}',
    'class 日本 {}',
    'class A { static class() {} }',
  ]) {
    test(text, () => {
      expect(isClass(evaluate(`(${text})`))).toBe(true);
    });
  }
});

describe('no class', () => {
  for (const text of [
    '{ class() {} }',
    '{ class () { return 1; } }',
    '{ class\n() {} }',
    '{ class/* { */() {} }',
    '{ class // a {\n /* b */ () { return "*/ x"; } }',
    '{ class /* a */ () { /* b */ x } }',
    '{ class_x() {} }',
    '{ class$() {} }',
    '{ classé() {} }',
    '{ class\\u0061() {} }',
    '{ classical() {} }',
    '{ async class() {} }',
    '{ *class() {} }',
    '{ ["class"]() {} }',
    '{ class: () => 1 }',
    '{ class: function () {} }',
  ]) {
    test(text, () => {
      const [fn] = Object.values(evaluate(`(${text})`)) as object[];
      expect(isClass(fn as object)).toBe(false);
    });
  }

  test('an accessor, a static method, a native class, a bound one and a proxy', () => {
    const { get, set } = Object.getOwnPropertyDescriptor(
      evaluate('({ get class() { return 1; }, set class(x) {} })'),
      'class',
    ) as Required<PropertyDescriptor>;
    const cls = evaluate('(class { static class() {} })') as { class: object };
    const bound = (cls as unknown as () => void).bind(null);
    for (const fn of [get, set, cls.class, Map, bound, new Proxy(cls, {})])
      expect(isClass(fn)).toBe(false);
  });
});

test('a method called class is refused as the function that it is', () => {
  const { class: method } = evaluate('({ class() {} })') as { class: object };
  expect(whyUnclonable(method)?.what).toBe('a function "class"');
});

test('a method called function is as sloppy as it was written', async () => {
  const generator = evaluate('(function /* a */ * () { yield 1; })');
  const strict = evaluate('"use strict"; (function () { return 1; })');
  const sloppy = evaluate('({ function() { return 1; } }).function');
  expect(await referTo(sloppy)).toMatchObject({ strict: false });
  expect(await referTo(generator)).toMatchObject({ strict: false });
  expect(await referTo(strict)).toMatchObject({ strict: true });
});
