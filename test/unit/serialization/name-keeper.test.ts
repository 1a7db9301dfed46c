// What esbuild's --minify --keep-names puts into functions, and what only looks like it.
import inspector from 'node:inspector';
import { describe, expect, test, vi } from 'vitest';
import { referTo } from '../../../dist/serialization/function-ref.js';
import { resolveReference } from '../../../dist/serialization/function-reference.js';

type Fn = (...args: unknown[]) => unknown;
const evaluate = Function as unknown as (body: string) => Fn;

const KEEPER = 'var o=Object.defineProperty,s=(t,n)=>o(t,"name",{value:n,configurable:!0});';
const USE = 'return ()=>s(()=>1,"one").name';

/** The function that this text returns. */
const made = (text: string): unknown => evaluate(text)();

async function copyOf(text: string): Promise<Fn> {
  return (await resolveReference(structuredClone(await referTo(made(text))))) as Fn;
}

describe('a function whose names are kept travels as text', () => {
  const one: [string, string][] = [
    ['minified', KEEPER + USE],
    [
      'with its identifiers minified alone',
      `var o = Object.defineProperty; var s = (t, n) => o(t, "name", { value: n, configurable: true }); ${USE}`,
    ],
    [
      'under a name that esbuild has given it beside another one',
      `var __defProp = Object.defineProperty; var __name2 = (target, value) => __defProp(target, "name", { value, configurable: true });
      return () => __name2(() => 1, "one").name`,
    ],
    ['in strict text', `"use strict";${KEEPER}return function(){return s(()=>1,"one").name}`],
    ['where what is called is of another scope', `${KEEPER}{let x=1;${USE}}`],
  ];
  for (const [title, text] of one) {
    test(title, async () => {
      expect((await copyOf(text))()).toBe('one');
    });
  }

  test('functions, arrow functions and classes inside', async () => {
    const copy = await copyOf(
      `${KEEPER}return e=>{function n(r){return r+1}s(n,"inner");let a=s(r=>r*2,"arrow");class c{static{s(this,"Foo")}}return[n(e),a(e),n.name,a.name,c.name]}`,
    );
    expect(copy(3)).toEqual([4, 6, 'inner', 'arrow', 'Foo']);
  });

  test('two keepers, of two files that were bundled apart', async () => {
    const copy = await copyOf(
      `${KEEPER}var a=(t,n)=>o(t,"name",{value:n,configurable:!0});return()=>[s(()=>1,"one").name,a(()=>1,"two").name]`,
    );
    expect(copy()).toEqual(['one', 'two']);
  });
});

describe('what is no keeper of names is a variable like any other', () => {
  const define = 'var o=Object.defineProperty;';
  const others: [string, string][] = [
    ['does something else', 'var s=(t,n)=>t;'],
    ['does more', `${define}var s=(t,n)=>{o(t,"name",{value:n,configurable:!0});return()=>2};`],
    ['defines another property', `${define}var s=(t,n)=>o(t,"label",{value:n,configurable:!0});`],
    ['gives another value', `${define}var n=2,s=(t,m)=>o(t,"name",{value:n,configurable:!0});`],
    ['gives none', `${define}var s=(t,n)=>o(t,"name",{n,configurable:!0});`],
    [
      'gives none but a like one',
      `${define}var s=(t,value$)=>o(t,"name",{value$,configurable:!0});`,
    ],
    [
      'gives one that is not its own',
      `${define}var value=2,s=(t,n)=>o(t,"name",{value,configurable:!0});`,
    ],
    ['calls what defines nothing', 'var o=t=>t,s=(t,n)=>o(t,"name",{value:n,configurable:!0});'],
    [
      'returns no function',
      'var o=Reflect.defineProperty,s=(t,n)=>o(t,"name",{value:n,configurable:!0});',
    ],
    [
      'calls what it is given',
      'var n=Object.defineProperty,s=(()=>{n;return(t,n)=>n(t,"name",{value:n,configurable:!0})})();',
    ],
    ['is no function', 'var s=1;'],
    ['is nothing yet', `${define}${USE};let s=(t,n)=>o(t,"name",{value:n,configurable:!0});`],
    ['hides one', `${KEEPER}{let s=t=>t;${USE}}`],
  ];
  for (const [title, text] of others) {
    test(title, async () => {
      await expect(referTo(made(text + USE))).rejects.toThrow(/uses the variable s of/);
    });
  }

  test('is used otherwise too', async () => {
    for (const use of [
      's',
      's(()=>1)',
      's(()=>1,e)',
      's(()=>1,"a",2)',
      's=1',
      's.call(e,()=>1,"a")',
    ]) {
      const fn = made(`${KEEPER}return e=>[s(()=>1,"one"),${use}]`);
      await expect(referTo(fn)).rejects.toThrow(/uses the variable s of/);
    }
  });

  test('is named in its place among the others', async () => {
    const fn = made('var a=1,s=t=>t,z=2;return()=>[a,s(()=>1,"one"),z]');
    await expect(referTo(fn)).rejects.toThrow(/uses the variables a, s, z of/);
  });

  test('cannot be looked at without an inspector', async () => {
    const connect = vi.spyOn(inspector.Session.prototype, 'connect');
    connect.mockImplementation(() => {
      throw new Error('no inspector');
    });
    try {
      await expect(referTo(made(KEEPER + USE))).rejects.toThrow(/uses the variable s of/);
    } finally {
      connect.mockRestore();
    }
  });
});
