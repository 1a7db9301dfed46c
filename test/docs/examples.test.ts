// Runs what the documentation shows: the marked blocks of README.md and docs/*.md, and examples/*.mjs.
//
// A block that begins with ```js run is an ES module and runs on every backend that this platform has; ```js run fork needs
// the fork start method. An example file says the same in its first line: `// run` or `// run fork`. Each `// → text` is a
// line that must be printed, in this order.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { cases, type Case, when } from '../support/start-methods.js';

const root = path.resolve(import.meta.dirname, '..', '..');

interface Example {
  readonly name: string;
  readonly needsFork: boolean;
  readonly source: string;
  /** Absent for a block. */
  readonly file?: string;
}

const examples = [...documents().flatMap(blocksOf), ...exampleFiles()];

test('there are examples to run', () => {
  expect(examples.filter(({ file }) => file === undefined)).not.toEqual([]);
  expect(examples.filter(({ file }) => file !== undefined)).not.toEqual([]);
});

// The default start method of each backend: an example shows what happens when nobody chooses.
for (const backend of ['native', 'fallback'] as const) {
  const [first] = cases.filter((testCase) => testCase.backend === backend);
  if (first === undefined) continue;
  describe(`examples [${first.backend}, ${first.method}]`, () => {
    for (const example of examples) {
      when(!(example.needsFork && first.method !== 'fork'))(example.name, () =>
        runExample(first, example),
      );
    }
  });
}

async function runExample(testCase: Case, { file, source }: Example): Promise<void> {
  const program = file === undefined ? source : { file };
  const { code, signal, stdout, stderr } = await testCase.run(program, { esm: true });
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  const printed = stdout.split('\n').filter((line) => line !== '');
  expect(printed).toEqual([...source.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text));
}

function documents(): string[] {
  const docs = readdirSync(path.join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  return ['README.md', ...docs].filter((name) => existsSync(path.join(root, name)));
}

function blocksOf(document: string): Example[] {
  const text = readFileSync(path.join(root, document), 'utf8');
  return [...text.matchAll(/^```js run( fork)?\n(.*?)^```$/gms)].map((match) => ({
    name: `${document}:${text.slice(0, match.index).split('\n').length}`,
    needsFork: match[1] !== undefined,
    source: match[2] as string,
  }));
}

/** The demo is tested by itself. */
function exampleFiles(): Example[] {
  const names = readdirSync(path.join(root, 'examples')).filter((name) => name.endsWith('.mjs'));
  return names.flatMap((name) => {
    const file = path.join(root, 'examples', name);
    const source = readFileSync(file, 'utf8');
    const mark = /^\/\/ run( fork)?$/m.exec(source.split('\n', 1)[0] as string);
    if (mark === null) return [];
    return [{ name: `examples/${name}`, needsFork: mark[1] !== undefined, source, file }];
  });
}
