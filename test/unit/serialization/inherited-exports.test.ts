// Which names of a module taskRef reaches: those that it exports, not those that every object has.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveReference } from '../../../dist/serialization/function-reference.js';
import { taskRef } from '../../../dist/serialization/task-ref.js';
import { fixture } from './native.js';

type Fn = (...args: unknown[]) => unknown;

test.each(['toString', 'constructor', 'api.hasOwnProperty', 'arrow.call'])(
  'what every object or every function has is no export: %s',
  async (name) => {
    for (const file of ['work.mjs', 'work.cjs']) {
      await expect(taskRef<Fn>(fixture(file), name)()).rejects.toThrow(`has no export "${name}"`);
    }
  },
);

test('methods of the class that module.exports is an instance of are exports', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mp-exports-'));
  try {
    const file = join(directory, 'instance.cjs');
    const classes =
      'class A { work() { return 5; } toString() { return "own"; } } class B extends A {}';
    writeFileSync(file, `${classes}; module.exports = new B();`);
    expect(await taskRef<Fn>(file, 'work')()).toBe(5);
    expect(await taskRef<Fn>(file, 'toString')()).toBe('own');
    await expect(taskRef<Fn>(file, 'valueOf')()).rejects.toThrow('has no export "valueOf"');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('what Object.prototype holds itself is found there', async () => {
  const name = 'Object.prototype.hasOwnProperty';
  const path = name.split('.');
  const at = {
    kind: 'export',
    url: 'global:',
    format: 'global',
    path,
    name,
    isMain: false,
  } as const;
  expect((await resolveReference(at)).name).toBe('hasOwnProperty');
});
