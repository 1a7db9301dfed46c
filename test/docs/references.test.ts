// What the documentation points at is there: files, scripts, and every public name of the package is told of.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import * as multiprocessing from 'node-multiprocessing';

const root = path.resolve(import.meta.dirname, '..', '..');
const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
].map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }));

test('links lead to files', () => {
  const broken = documents.flatMap(({ name, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(path.resolve(root, path.dirname(name), target)))
      .map((target) => `${name}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('scripts exist', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const missing = documents.flatMap(({ name, text }) =>
    [...text.matchAll(/npm run ([\w:-]+)/g)]
      .map(([, script = '']) => script)
      .filter((script) => !(script in scripts))
      .map((script) => `${name}: npm run ${script}`),
  );
  expect(missing).toEqual([]);
});

test('the README says which Node the tools ask for, and which the package', () => {
  const oldest = (...file: string[]): string => {
    const { engines } = JSON.parse(readFileSync(path.join(root, ...file), 'utf8')) as {
      engines: { node: string };
    };
    return /\d+\.\d+/.exec(engines.node)?.[0] ?? '';
  };
  const bundler = oldest('node_modules', 'rolldown', 'package.json');
  expect(documents[0]?.text).toContain(
    `Node ${bundler} or newer (the package itself: ${oldest('package.json')})`,
  );
});

test('every error class is in the table of the README', () => {
  const classes = Object.entries(multiprocessing)
    .filter(([, value]) => Object.prototype.isPrototypeOf.call(multiprocessing.ProcessError, value))
    .map(([name]) => name);
  const [{ text } = { text: '' }] = documents;
  const rows = [...text.matchAll(/^\| `(\w+Error)` \| `[A-Z]/gm)].map(([, name]) => name);
  expect(rows.sort()).toEqual(classes.sort());
});

test('every public name is in the documentation', () => {
  const all = documents.map(({ text }) => text).join('\n');
  const untold = Object.keys(multiprocessing).filter(
    (name) => name !== 'default' && !new RegExp(`\\b${name}\\b`).test(all),
  );
  expect(untold).toEqual([]);
});
