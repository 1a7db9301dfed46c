// Against the built files: they and the fixtures must be loaded by Node itself, not rewritten by the test runner.
import inspector from 'node:inspector';
import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import {
  isInMainModule,
  referToCallable,
  resolveCallable,
} from '../../../dist/serialization/bound-function.js';
import { referTo, referToClass } from '../../../dist/serialization/function-ref.js';
import {
  type FunctionReference,
  resolveReference,
} from '../../../dist/serialization/function-reference.js';
import { deserialize, serialize } from '../../../dist/serialization/serializer.js';
import { taskRef } from '../../../dist/serialization/task-ref.js';
import { runProgram } from '../../support/clean-node.js';
import { fixture, fixtureUrl, loadNatively, requireFixture } from './native.js';

type Fn = (...args: unknown[]) => unknown;
/** A function that was written nowhere. */
const evaluate = Function as unknown as (body: string) => Fn;
type Functions = Record<string, Fn>;

const esm = (await loadNatively(fixtureUrl('work.mjs'))) as Functions & {
  api: Functions;
  Model: Functions;
};
const cjs = requireFixture('work.cjs') as Functions & { nested: Functions; Model: Functions };
const { unexported } = esm as unknown as { unexported: () => Functions & { shadow: Functions } };

/** The reference as another process gets it: plain data. */
async function sent(fn: unknown): Promise<FunctionReference> {
  return deserialize(serialize(await referTo(fn), undefined)) as FunctionReference;
}

async function copyOf(fn: unknown): Promise<Fn> {
  const reference = await sent(fn);
  expect(reference.kind).toBe('source');
  return (await resolveReference(reference)) as Fn;
}

test('the debugger is asked for a module once, not for each of its functions', async () => {
  await referTo(unexported()['hidden']);
  const post = vi.spyOn(inspector.Session.prototype, 'post');
  await referTo(unexported()['hidden']);
  const methods = post.mock.calls.map(([method]) => method);
  post.mockRestore();
  expect(methods).toContain('Runtime.getProperties');
  expect(methods).not.toContain('Debugger.enable');
});

describe('an exported function is found by identity', () => {
  const inModule: [string, unknown][] = [
    ['work', esm.work],
    ['outer', esm.outer],
    ['arrow', esm.arrow],
    ['first', esm.first],
    ['second', esm.second],
    ['api.go', esm.api.go],
    ['Model', esm.Model],
    ['Model.make', esm.Model.make],
    ['default', esm.default],
    ['wrapped', esm.wrapped],
  ];
  for (const [name, fn] of inModule) {
    test(`ES module: ${name}`, async () => {
      const reference = await sent(fn);
      expect(reference).toMatchObject({
        kind: 'export',
        url: fixtureUrl('work.mjs'),
        name,
        format: 'module',
        isMain: false,
      });
      expect(await resolveReference(reference)).toBe(fn);
    });
  }

  const inCommonJs: [string, string, unknown][] = [
    ['work.cjs', 'work', cjs.work],
    ['work.cjs', 'other', cjs.other],
    ['work.cjs', 'nested.deep', cjs.nested.deep],
    ['work.cjs', 'Model', cjs.Model],
    ['work.cjs', 'Model.make', cjs.Model.make],
    ['single.cjs', 'module.exports', requireFixture('single.cjs')],
    ['bundled.cjs', 'work', (requireFixture('bundled.cjs') as Functions).work],
  ];
  for (const [file, name, fn] of inCommonJs) {
    test(`CommonJS: ${name} of ${file}`, async () => {
      const reference = await sent(fn);
      expect(reference).toMatchObject({ url: fixtureUrl(file), name, format: 'commonjs' });
      expect(await resolveReference(reference)).toBe(fn);
    });
  }

  test('an ES module loaded with a query is another module', async () => {
    const url = `${fixtureUrl('work.mjs')}?other`;
    const { work } = await loadNatively(url);
    expect(await sent(work)).toMatchObject({ url, name: 'work' });
  });

  const builtIn: [string, string, unknown][] = [
    ['global:', 'Math.max', Math.max],
    ['global:', 'parseInt', parseInt],
    ['global:', 'JSON.stringify', JSON.stringify],
    ['global:', 'structuredClone', structuredClone],
    ['node:fs', 'readFileSync', readFileSync],
    ['node:fs/promises', 'readFile', readFile],
  ];
  for (const [url, name, fn] of builtIn) {
    test(`built in: ${name}`, async () => {
      const reference = await sent(fn);
      expect(reference).toMatchObject({ kind: 'export', url, name });
      expect(await resolveReference(reference)).toBe(fn);
    });
  }

  test('the second look costs nothing', async () => {
    expect(await referTo(esm.work)).toBe(await referTo(esm.work));
  });

  test('an exported class, which a class reference must be', async () => {
    expect(await referToClass(esm.Model)).toMatchObject({ name: 'Model', format: 'module' });
    await expect(referToClass(unexported().Hidden, 'the class of the process')).rejects.toThrow(
      /^the class of the process "Hidden" is not exported by the module it is written in/,
    );
  });
});

describe('a self-contained function travels as text', () => {
  const functions = unexported();
  const calls: [string, unknown[], unknown][] = [
    ['hidden', [4], 5],
    ['recursive', [5], 120],
    ['async', [1], 2],
    ['computed name', [1], 2],
    ['get', [], 'a method called get'],
    ['defaults', [{ x: 1 }], [1, 2, 1]],
    ['innerThis', [[1]], [7]],
    ['importing', [], '!'],
    ['keptName', [], 'as written'],
  ];
  for (const [name, args, result] of calls) {
    test(name, async () => {
      const copy = await copyOf(functions[name]);
      expect(copy).not.toBe(functions[name]);
      expect(copy.name).toBe(functions[name]?.name);
      expect(await copy(...args)).toEqual(result);
    });
  }

  test('generators, classes and nested classes', async () => {
    const generator = (await copyOf(functions.generator)) as (n: number) => Iterable<number>;
    expect([...generator(1)]).toEqual([1, 2]);
    const asyncMethod = (await copyOf(functions.asyncMethod)) as (
      n: number,
    ) => AsyncIterable<number>;
    for await (const value of asyncMethod(3)) expect(value).toBe(3);
    const Hidden = (await copyOf(functions.Hidden)) as unknown as new () => { value: number };
    expect(new Hidden().value).toBe(1);
    expect(await (await copyOf(functions.innerClass))()).toBe(0);
  });

  test("a method's name is not a variable inside of it", async () => {
    expect((await copyOf(functions.shadow.sort))([1])).toEqual([1]);
  });

  test('CommonJS text has require, import and file names of its module', async () => {
    expect((await copyOf(cjs.selfContained?.()))('/a/b')).toBe('b1.cjs');
  });

  test('sloppy stays sloppy, strict stays strict', async () => {
    expect((await copyOf(cjs.sloppy?.()))()).toBe('sloppy');
    const strict = evaluate('"use strict"; return (function () { return this; })()');
    expect((await copyOf(strict))()).toBeUndefined();
    const plain = evaluate('return typeof (function () { return this; })()');
    expect((await copyOf(plain))()).toBe('object');
  });
});

describe('what only exists here is refused', () => {
  const functions = unexported();
  const waysOut =
    'name it with taskRef if a module exports it, or export it from the module it is written in, pass the values as arguments, or use the fork start method';

  test('a closure, naming its variables', async () => {
    await expect(referTo(functions.closure)).rejects.toMatchObject({
      name: 'SerializationError',
      path: 'target',
      message: `target "closure" uses the variables secret, offset of its enclosing scope, which a spawned process does not have: ${waysOut}`,
    });
    await expect(referTo(functions.otherKeeper)).rejects.toThrow(/uses the variable __name of/);
    await expect(referTo(cjs.closure?.(), 'initializer')).rejects.toThrow(
      /^initializer \(a function without a name\) uses the variable factor of its enclosing scope/,
    );
  });

  const cases: [string, unknown, RegExp][] = [
    ['this', functions.usesThis, /"usesThis" uses this, which would mean something else/],
    ['this of an arrow function', functions.arrowThis, /uses this/],
    ['new.target', functions.newTarget, /uses new\.target/],
    ['import.meta', functions.meta, /uses import\.meta/],
    ['arguments of the outside', functions.args, /uses the variable arguments/],
    ['an assignment to nowhere', functions.assigns, /uses the variable leaked/],
    ['a class with an outer parent', functions.Child, /uses the variable Model/],
    ['a bound function', esm.work?.bind(null, 1), /"bound work" is a bound function/],
    ['a native function', new Intl.Collator().compare, /is native code/],
    ['a proxy', new Proxy(esm.work as Fn, {}), /is a Proxy, which only exists here/],
  ];
  for (const [name, fn, pattern] of cases) {
    test(name, async () => {
      await expect(referTo(fn)).rejects.toThrow(pattern);
    });
  }

  test('globals that the user added are not globals over there', async () => {
    Object.assign(globalThis, { addedByTheTest: 1 });
    try {
      await expect(referTo(evaluate('return addedByTheTest'))).rejects.toThrow(
        /uses the variable addedByTheTest/,
      );
    } finally {
      delete (globalThis as { addedByTheTest?: number }).addedByTheTest;
    }
  });

  test('what is no function', async () => {
    for (const value of [5, null, {}, 'work']) {
      await expect(referTo(value, 'target')).rejects.toThrow(/^target must be a function, got/);
    }
  });
});

describe('a bound function', () => {
  test('is its target and its values', async () => {
    const bound = (esm.work as Fn).bind(null, 1).bind({ ignored: true });
    const reference = await referToCallable(bound);
    expect(reference).toMatchObject({ kind: 'bound', target: { kind: 'export', name: 'work' } });
    const copy = (await resolveCallable(structuredClone(reference))) as Fn;
    expect(copy()).toBe(2);
    expect(isInMainModule(reference)).toBe(false);
  });

  test('is an export where it is one and its values cannot travel', async () => {
    const bound = requireFixture('bound.cjs') as Fn;
    expect(await referToCallable(bound)).toMatchObject({
      kind: 'export',
      url: fixtureUrl('bound.cjs'),
    });
    const other = bound.bind(null);
    await expect(referToCallable(other, 'fn')).rejects.toMatchObject({ path: 'fn.args[0]' });
  });

  test('of Node itself is found where it is', async () => {
    expect(await referToCallable(console.log)).toMatchObject({ kind: 'export', url: 'global:' });
  });
});

describe('taskRef', () => {
  test('names an export without loading it, and calls it here', async () => {
    const go = taskRef<(x: number) => unknown>(new URL(fixtureUrl('work.mjs')), 'api.go');
    expect(go.name).toBe('api.go');
    expect(await go(4)).toBe(12);
    const reference = await sent(go);
    expect(reference).toMatchObject({ kind: 'export', name: 'api.go', format: 'auto' });
    expect(await resolveReference(reference)).toBe(esm.api.go);
  });

  test('finds names with spaces and dots, and exports of CommonJS', async () => {
    expect(await taskRef<Fn>(fixture('work.mjs'), 'a name with spaces')()).toBe('inner');
    expect(await taskRef<Fn>(fixture('work.cjs'), 'nested.deep')()).toBe('deep');
    expect(await taskRef<Fn>(fixture('work.cjs'), 'work')(3)).toBe(6);
    expect(await taskRef<Fn>('node:path', 'basename')('/a/b')).toBe('b');
  });

  test('finds packages from the working directory', async () => {
    expect(await taskRef<Fn>('acorn', 'isNewLine')(10)).toBe(true);
    expect(() => taskRef('no-such-package-anywhere', 'x')).toThrow(/no package "no-such-package/);
  });

  test('travels inside values', async () => {
    const task = taskRef<Fn>(fixture('work.mjs'), 'work');
    const copy = deserialize(serialize({ steps: [task, task], n: 1 }, undefined)) as {
      steps: [Fn, Fn];
    };
    expect(copy.steps[0]).toBe(copy.steps[1]);
    expect(await copy.steps[0](1)).toBe(2);
    expect(await sent(copy.steps[0])).toMatchObject({ name: 'work', format: 'auto' });
  });

  test('checks its arguments', () => {
    expect(() => taskRef('./work.mjs', 'work')).toThrow(
      /module must be absolute .*import\.meta\.url/,
    );
    expect(() => taskRef('..', 'work')).toThrow(TypeError);
    expect(() => taskRef(5 as never, 'work')).toThrow(/module must be a string/);
    expect(() => taskRef(fixture('work.mjs'), undefined as never)).toThrow(
      /exportName must be a s/,
    );
  });
});

describe('a reference that cannot be resolved', () => {
  const call = (file: string, name: string): unknown => taskRef<Fn>(fixture(file), name)();

  test('a module that is missing, does not parse or throws: its own error, with the place', async () => {
    await expect(call('missing.mjs', 'work')).rejects.toMatchObject({
      code: 'ERR_MODULE_NOT_FOUND',
      message: expect.stringMatching(
        /\(while loading export "work" of file:.*missing\.mjs\)$/,
      ) as string,
    });
    const unparsable = taskRef<Fn>('data:text/javascript,export const = 5', 'work')();
    await expect(unparsable).rejects.toMatchObject({
      name: 'SyntaxError',
      message: expect.stringMatching(/while loading export "work" of data:/) as string,
    });
    await expect(call('throws.mjs', 'work')).rejects.toThrow(
      /^thrown while loading \(while loading/,
    );
  });

  test('an export that is missing or no function', async () => {
    await expect(call('work.mjs', 'wrok')).rejects.toThrow(
      /^file:.*work\.mjs has no export "wrok": it has .*arrow, .*work/,
    );
    await expect(call('sibling.mjs', 'value')).rejects.toThrow(
      /^export "value" of file:.*sibling\.mjs is no function but of type string$/,
    );
    await expect(call('work.mjs', 'api.notFunction')).rejects.toThrow(/of type number/);
  });
});

describe('in a program of its own', () => {
  test('a main module that awaits at its top level can name its functions', async () => {
    const { stdout, stderr, code } = await runProgram({ file: fixture('waiting-main.mjs') });
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(JSON.parse(stdout)).toEqual([
      ['work', 'module', true],
      ['work', 'module', false],
      ['Job', 'module', true],
    ]);
  });

  test('a CommonJS main module may export after it has asked', async () => {
    const { stdout, stderr } = await runProgram({ file: fixture('main.cjs') });
    expect({ stdout, stderr }).toEqual({ stdout: '["work","commonjs",true]\n', stderr: '' });
  });

  test('text runs with the imports and the stack of its place, and without a warning', async () => {
    const { stdout, stderr } = await runProgram({ file: fixture('run-sources.mjs') });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      imported: '!',
      stack: expect.stringMatching(/at .*work\.mjs:\d+:\d+/) as string,
      evaluated: 3,
      leaked: 'undefined',
    });
  });
});
