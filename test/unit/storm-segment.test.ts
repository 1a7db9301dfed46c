// The storms read the shared-memory segment from outside of the library, by numbers of their own.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..', '..');

function versionIn(file: string, name: string): number {
  const text = readFileSync(path.join(root, file), 'utf8');
  return Number(new RegExp(`${name} = (\\d+);`).exec(text)?.[1]);
}

test('the storms know the layout that the segment has', () => {
  const known = versionIn('test/storm/segment.cjs', 'LAYOUT_VERSION');
  expect(known).toBe(versionIn('native/shm/layout.h', 'kLayoutVersion'));
});
