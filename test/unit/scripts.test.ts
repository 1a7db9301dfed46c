// The scripts of package.json: npm runs `pre…` and `post…` of a script around it, whatever they were meant for.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const file = path.resolve(import.meta.dirname, '..', '..', 'package.json');
const { scripts } = JSON.parse(readFileSync(file, 'utf8')) as { scripts: Record<string, string> };

test('nothing but the build is run by npm in front of a script or after it', () => {
  const hooks = Object.keys(scripts).flatMap((name) => [`pre${name}`, `post${name}`]);
  const others = hooks.filter(
    (hook) => scripts[hook] !== undefined && scripts[hook] !== 'node scripts/build.mjs',
  );
  expect(others).toEqual([]);
});

test('the prebuilt binary is made by the name that prebuilds have', () => {
  expect(scripts['prebuild']).toBe('node scripts/prebuild.mjs');
});
