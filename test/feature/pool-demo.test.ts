import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../support/clean-node.js';
import { describeEach, type Case } from '../support/start-methods.js';
import { TERMINAL } from '../support/terminal.js';

const demo = path.resolve(import.meta.dirname, '..', '..', 'examples', 'demo.mjs');

let folder: string;
/** Takes so long that there is time to interrupt it. */
let big: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'demo-'));
  for (let i = 0; i < 20; i++) writeFileSync(path.join(folder, `file ${i}`), `${i}`.repeat(10_000));
  symlinkSync('/nowhere', path.join(folder, 'dangling'));
  big = mkdtempSync(path.join(tmpdir(), 'demo-big-'));
  writeFileSync(path.join(big, 'zeros'), '');
  truncateSync(path.join(big, 'zeros'), 199e6);
});
afterAll(() => {
  for (const made of [folder, big]) rmSync(made, { recursive: true });
});

/** The demo takes the default method of its backend; spawn on the native backend is not its subject. */
const takesDefault = ({ backend, method }: Case): boolean =>
  backend === 'fallback' || method === 'fork';

describeEach(
  'the demo',
  (testCase) => {
    test('hashes and compresses a folder, and tells what starting costs', async () => {
      const { code, stdout, stderr } = await testCase.run(
        { file: demo },
        { args: [folder], timeoutMs: 50_000 },
      );
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(new RegExp(`start method ${testCase.method}, folder ${folder}`));
      expect(stdout).toMatch(/^ {2}files +20$/m);
      expect(stdout).toMatch(/^ {2}not readable +0$/m);
      expect(stdout).toMatch(/^ {2}speed-up +\d+\.\d\d times$/m);
      expect(stdout).toMatch(
        new RegExp(`^ {2}ours \\(${testCase.method}\\) +\\d+\\.\\d\\d ms`, 'm'),
      );
      expect(stdout).toMatch(/^ {2}child_process\.fork +\d+/m);
      expect(stdout).toMatch(/^ {2}worker_threads +\d+/m);
    });

    test.each(['one process', '2 processes'])(
      'Ctrl-C during the bar of %s leaves the terminal as it was',
      (bar) => {
        const demoHere = [process.execPath, demo, '--processes', '2', big];
        const { status, stdout } = spawnSync('python3', ['-c', TERMINAL, bar, ...demoHere], {
          encoding: 'utf8',
          env: { ...process.env, ...testCase.env },
        });
        expect(stdout).toContain(bar);
        expect(status).not.toBe(0);
        // Cursor off, line wrapping off.
        expect(stdout).not.toContain('\x1b[?25l');
        expect(stdout).not.toContain('\x1b[?7l');
      },
    );
  },
  takesDefault,
);

test('the demo says how it is used', async () => {
  const { code, stdout, stderr } = await runProgram({ file: demo }, { args: ['--help'] });
  expect([code, stderr]).toEqual([0, '']);
  for (const part of ['[folder]', '--limit MB', '--processes N', '--help']) {
    expect(stdout).toContain(part);
  }
});

test.each([
  [['--procs', '2'], /'--procs'/],
  [['-x'], /'-x'/],
  [['--limit'], /'--limit <value>' argument missing/],
  [['--processes', 'many'], /^--processes must be a whole number above 0, got many$/m],
  [['one', 'two'], /^one folder at most, got one two$/m],
])('the demo refuses %j and names it', async (args, message) => {
  const { code, stdout, stderr } = await runProgram({ file: demo }, { args });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(message);
  expect(stderr).toContain('--processes N');
});

test('a file that vanishes is a result like any other', async () => {
  const work = path.resolve(demo, '..', 'demo', 'work.mjs');
  const { digest } = (await import(work)) as { digest: (file: string, name: string) => unknown };
  expect(digest('/nowhere/at/all', 'all')).toEqual({ name: 'all', error: 'ENOENT' });
});
