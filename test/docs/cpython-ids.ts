// Every CPython test of the classes that are ported, and the reason where one is not: test/conformance/cpython-ids.txt.
import { readFileSync } from 'node:fs';
import path from 'node:path';

const file = path.resolve(import.meta.dirname, '..', 'conformance', 'cpython-ids.txt');

export interface CPythonTest {
  readonly id: string;
  /** Why no test of ours carries its id. */
  readonly reason: string | undefined;
  /** It pins down what only Python has, so it is not counted. */
  readonly isPythonOnly: boolean;
}

/** @throws when a line is neither an id, nor an id and a reason, nor a remark. */
export function cpythonTests(): CPythonTest[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(read);
}

function read(line: string): CPythonTest {
  const { id, reason } = /^(?<id>\w+\.test_\w+)(?:: (?<reason>.+))?$/.exec(line)?.groups ?? {};
  if (id === undefined) throw new Error(`cpython-ids.txt: "${line}" begins with no CPython id`);
  return { id, reason, isPythonOnly: reason?.startsWith('Python only') === true };
}
