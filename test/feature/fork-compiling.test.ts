// What a forked child has to compile: half of the time of an empty one, where it is more than its target.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');

/** V8 tells of every function that it compiles, in all processes and on one clock. */
const tellIn = (file: string): string[] => [
  '--log-function-events',
  `--logfile=${file}`,
  '--no-logfile-per-isolate',
];

interface Compiled {
  readonly script: string;
  readonly name: string;
  readonly time: number;
}

/** Lines of the log: `script-details,<id>,<path>,…` and `function,<event>,<id>,<begin>,<end>,<ms>,<µs>,<name>`. */
function compiledIn(log: string): Compiled[] {
  const rows = log.split('\n').map((line) => line.split(','));
  const scripts = new Map<string, string>();
  for (const [kind, id = '', path = ''] of rows)
    if (kind === 'script-details') scripts.set(id, path);
  return rows
    .filter(([kind, event]) => kind === 'function' && event === 'interpreter')
    .map(([, , id = '', begin = '', , , time, name = '']) => ({
      script: scripts.get(id) ?? '',
      name: name === '' ? `the function at ${begin}` : name,
      time: Number(time),
    }));
}

describe.runIf(forking)('a forked child [native]', () => {
  it('compiles nothing of the package', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'mp-compiling-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const log = path.join(folder, 'v8.log');
    const { code, stderr } = await forking!.run(
      `
const { Process } = require('node-multiprocessing');
const run = async (target) => {
  const child = new Process({ target });
  await child.start();
  await child.join();
};
const nothing = () => {};
function timeBefore() {}
function timeAfter() {}
(async () => {
  // The parent has compiled its own part by then.
  for (let i = 0; i < 3; i += 1) await run(nothing);
  timeBefore();
  await run(function target() {});
  timeAfter();
})();`,
      { nodeArgs: tellIn(log) },
    );
    expect(stderr).toBe('');
    const compiled = compiledIn(readFileSync(log, 'utf8'));
    const at = (name: string): number => compiled.find((each) => each.name === name)?.time ?? NaN;
    const meanwhile = compiled.filter(
      ({ time }) => time > at('timeBefore') && time < at('timeAfter'),
    );
    // The log tells of the child.
    expect(meanwhile.map(({ name }) => name)).toContain('target');
    expect(meanwhile.filter(({ script }) => script.includes('/dist/'))).toEqual([]);
    expect(code).toBe(0);
  });
});
