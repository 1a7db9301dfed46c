// docs/conformance.md counts the ported CPython tests; this recounts them.
//   UPDATE_DOCS=1 npx vitest run test/docs/conformance.test.ts    writes the new table
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { cpythonTests } from './cpython-ids.js';
import { PORTABLE } from './cpython-tests.js';
import { portedTests, type PortedTest } from './ported-tests.js';

const file = path.resolve(import.meta.dirname, '..', '..', 'docs', 'conformance.md');
const [BEGIN, END] = ['<!-- counted: begin -->', '<!-- counted: end -->'];

test('docs/conformance.md counts what test/conformance holds', () => {
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf(BEGIN) + BEGIN.length;
  const to = text.indexOf(END);
  expect(from < to, `${BEGIN} and ${END} are in docs/conformance.md`).toBe(true);
  const counted = `\n\n${describeTests(portedTests())}\n\n`;
  if (process.env['UPDATE_DOCS'] === '1')
    writeFileSync(file, text.slice(0, from) + counted + text.slice(to));
  else
    expect(text.slice(from, to), 'stale: run it with UPDATE_DOCS=1 and commit the file').toBe(
      counted,
    );
});

test('every CPython test of these classes is ported, or it is said why not', () => {
  const ported = new Set(portedTests().map((test) => test.id));
  const neither = cpythonTests().filter(({ id, reason }) => !ported.has(id) && !reason);
  const both = cpythonTests().filter(({ id, reason }) => ported.has(id) && reason);
  expect({ neither, both }).toEqual({ neither: [], both: [] });
});

test('no title has an id that CPython does not have', () => {
  const ids = new Set(cpythonTests().map((test) => test.id));
  expect(portedTests().filter((test) => !ids.has(test.id))).toEqual([]);
});

test('every class is listed in full', () => {
  const listed: Record<string, number> = {};
  for (const { id, isPythonOnly } of cpythonTests())
    if (!isPythonOnly) listed[classOf(id)] = (listed[classOf(id)] ?? 0) + 1;
  const portable = Object.keys(listed).map((name) => [name, PORTABLE[name]]);
  expect(listed).toEqual(Object.fromEntries(portable));
});

function describeTests(ported: readonly PortedTest[]): string {
  const done = [...byClass(ported).values()].flat();
  const different = done.filter((test) => test.different.length > 0);
  const portable = Object.values(PORTABLE).reduce((sum, count) => sum + count, 0);
  const sentence =
    `**${done.length - different.length} of ${portable}** portable tests are ported with the same outcome, ` +
    `${different.length} more with a deliberately different one.`;
  return [
    sentence,
    table(
      ['class', 'in', 'same outcome', 'different', 'not here', 'portable'],
      [...byClass(ported)].map(([name, tests]) => row(name, tests)),
    ),
    '### Different on purpose',
    list(different, 'different'),
    '### Adapted: the same thing pinned down by other means',
    list(
      done.filter((test) => test.adapted.length > 0),
      'adapted',
    ),
    '### Not here',
    cpythonTests()
      .flatMap(({ id, reason }) => (reason === undefined ? [] : `- \`${id}\`: ${reason}`))
      .join('\n'),
  ].join('\n\n');
}

function row(name: string, tests: readonly PortedTest[]): string[] {
  const different = tests.filter((test) => test.different.length > 0).length;
  const portable = PORTABLE[name] ?? 0;
  const files = [...new Set(tests.map((test) => `\`${test.file}\``))].join(', ');
  const counts = [tests.length - different, different, portable - tests.length, portable];
  return [`\`${name}\``, files, ...counts.map(String)];
}

function byClass(ported: readonly PortedTest[]): Map<string, PortedTest[]> {
  const classes = new Map<string, PortedTest[]>();
  for (const test of ported) {
    const name = classOf(test.id);
    classes.set(name, [...(classes.get(name) ?? []), test]);
  }
  const order = Object.keys(PORTABLE);
  return new Map([...classes].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b)));
}

function classOf(id: string): string {
  return id.slice(0, id.indexOf('.'));
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function list(tests: readonly PortedTest[], kind: 'different' | 'adapted'): string {
  if (tests.length === 0) return 'None.';
  return tests.map((test) => `- \`${test.id}\`: ${test[kind].join('; ')}`).join('\n');
}
