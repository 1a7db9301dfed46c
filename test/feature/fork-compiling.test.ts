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

/** What was compiled in all processes between the calls of `timeBefore` and `timeAfter`. */
async function compiledBy(program: string): Promise<Compiled[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mp-compiling-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = path.join(folder, 'v8.log');
  const { code, stderr } = await forking!.run(
    `
const { Pool, Process } = require('node-multiprocessing');
function timeBefore() {}
function timeAfter() {}
(async () => {${program}})();`,
    { nodeArgs: tellIn(log) },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const compiled = compiledIn(readFileSync(log, 'utf8'));
  const at = (name: string): number => compiled.find((each) => each.name === name)?.time ?? NaN;
  return compiled.filter(({ time }) => time > at('timeBefore') && time < at('timeAfter'));
}

const ofPackage = ({ script }: Compiled): boolean => script.includes('/dist/');

describe.runIf(forking)('a forked child [native]', () => {
  it('compiles nothing of the package', async () => {
    const meanwhile = await compiledBy(`
const run = async (target) => {
  const child = new Process({ target });
  await child.start();
  await child.join();
};
const nothing = () => {};
// The parent has compiled its own part by then.
for (let i = 0; i < 3; i += 1) await run(nothing);
timeBefore();
await run(function target() {});
timeAfter();`);
    // The log tells of the child.
    expect(meanwhile.map(({ name }) => name)).toContain('target');
    expect(meanwhile.filter(ofPackage)).toEqual([]);
  });

  it('that is the worker of a pool compiles what it is born with, and nothing of how it serves tasks', async () => {
    const meanwhile = await compiledBy(`
const serve = async (fn) => {
  const pool = new Pool(1);
  await pool.map(fn, [1, 2, 3, 4], { chunkSize: 1 });
  pool.close();
  await pool.join();
};
for (let i = 0; i < 3; i += 1) await serve(() => {});
timeBefore();
await serve(function task() {});
timeAfter();`);
    const names = meanwhile.map(({ name }) => name);
    expect(names).toContain('task');
    expect(names).toContain('becomeWorker');
    for (const rehearsed of ['serveTasks', 'serve', '#serveInFull', 'perform', 'answer', 'next'])
      expect(names).not.toContain(rehearsed);
    expect(meanwhile.filter(ofPackage).length).toBeLessThan(25);
  });
});
