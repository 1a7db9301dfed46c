// Reads which CPython tests are ported, from the titles in test/conformance. The files are evaluated with a describe and a
// test that only take notes, so titles made in loops count too; no body of a test runs.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import ts from 'typescript';
import type { Case } from '../support/start-methods.js';

const folder = path.resolve(import.meta.dirname, '..', 'conformance');
const require = createRequire(import.meta.url);

/** One CPython test; several of our tests may carry its id. */
export interface PortedTest {
  readonly id: string;
  readonly file: string;
  /** From the titles: what is different on purpose, and what was adapted. */
  readonly different: string[];
  readonly adapted: string[];
}

type Note = (title: string) => void;

/** `Class.test_name`, and behind it perhaps `(adapted: …)`, `(different: …)` or the name of a variant. */
const TITLE = /^(?<id>\w+\.test_\w+)(?: \((?:(?<kind>adapted|different): )?(?<text>.*)\))?$/;

/** Where the tests run on some platform. */
const CASES = [
  { backend: 'native', method: 'fork' },
  { backend: 'native', method: 'spawn' },
  { backend: 'fallback', method: 'spawn' },
] as const;

/** Every ported test once, with the reasons that its titles give. @throws when a title has no id. */
export function portedTests(): PortedTest[] {
  const found = new Map<string, PortedTest>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.test.ts'))) {
    evaluate(file, (title) => {
      const { id, kind, text = '' } = TITLE.exec(title)?.groups ?? {};
      if (id === undefined)
        throw new Error(`test/conformance/${file}: the title "${title}" begins with no CPython id`);
      const test = found.get(id) ?? { id, file, different: [], adapted: [] };
      found.set(id, test);
      const notes = kind === 'different' ? test.different : kind === 'adapted' ? test.adapted : [];
      if (!notes.includes(text)) notes.push(text);
    });
  }
  return [...found.values()];
}

function evaluate(file: string, note: Note): void {
  const source = readFileSync(path.join(folder, file), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      esModuleInterop: true,
    },
  });
  const load = (name: string): unknown => {
    if (name === 'vitest') return runner(note);
    if (name.endsWith('/start-methods.js'))
      return {
        describeConformance,
        cases: CASES,
        when: () => runnerTest(note),
      };
    return name.startsWith('.') ? nothing() : require(name);
  };
  const body = outputText.replaceAll('import.meta.dirname', JSON.stringify(folder));
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- one of our own test files, read as a list of its titles
  new Function('require', 'exports', body)(load, {});
}

/** Which cases a test is left out of depends on the platform; what is ported does not. */
function describeConformance(_title: string, body: (testCase: Case) => void): void {
  for (const { backend, method } of CASES) {
    const env = { MULTIPROCESSING_BACKEND: backend, MP_TEST_START_METHOD: method };
    const testCase: Case = {
      backend,
      method,
      env,
      run: () => Promise.reject(new Error('not run')),
    };
    body(testCase);
  }
}

const runnerTest =
  (note: Note) =>
  (title: string): void =>
    note(title);

function runner(note: Note): object {
  const test = runnerTest(note);
  const modes = { skipIf: () => test, runIf: () => test };
  const describe = (_title: string, body: () => void): void => body();
  const skipped = (): void => undefined;
  const each = { beforeAll: skipped, afterAll: skipped, beforeEach: skipped, afterEach: skipped };
  return { ...each, test: Object.assign(test, modes), describe, expect: nothing() };
}

/** Stands for whatever a test file imports: callable, with every property. */
function nothing(): unknown {
  const target = (): unknown => nothing();
  return new Proxy(target, {
    get: (_, name) => (name === Symbol.toPrimitive ? () => '' : nothing()),
  });
}
