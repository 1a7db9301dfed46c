import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../support/clean-node.js';
import { describeEach, type Case } from '../support/start-methods.js';
import { TERMINAL } from '../support/terminal.js';

const demo = path.resolve(import.meta.dirname, '..', '..', 'examples', 'demo.mjs');

let folder: string;
/** Each of a tenth of what the demo is told to read. */
let text: string;
const content = randomBytes(75_000).toString('base64');
/** Writes down who compresses. */
let preload: string;
let log: string;
/** Takes so long that there is time to interrupt it. */
let big: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'demo-'));
  for (let i = 0; i < 20; i++) writeFileSync(path.join(folder, `file ${i}`), `${i}`.repeat(10_000));
  symlinkSync('/nowhere', path.join(folder, 'dangling'));
  text = mkdtempSync(path.join(tmpdir(), 'demo-text-'));
  for (let i = 0; i < 12; i++) writeFileSync(path.join(text, `file ${i}`), content);
  preload = path.join(folder, 'preload.cjs');
  log = path.join(folder, 'log');
  writeFileSync(
    preload,
    `const zlib = require('node:zlib');
    const { gzipSync } = zlib;
    zlib.gzipSync = (...given) => {
      require('node:fs').appendFileSync(${JSON.stringify(log)}, process.pid + '\\n');
      return gzipSync(...given);
    };
    require('node:module').syncBuiltinESMExports();`,
  );
  big = mkdtempSync(path.join(tmpdir(), 'demo-big-'));
  writeFileSync(path.join(big, 'zeros'), '');
  truncateSync(path.join(big, 'zeros'), 199e6);
});
afterAll(() => {
  for (const made of [folder, big, text]) rmSync(made, { recursive: true });
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
      expect(stdout).toMatch(/^ {2}files +21$/m);
      expect(stdout).toMatch(/^ {2}not readable +0$/m);
      expect(stdout).toMatch(/^ {2}speed-up +\d+\.\d\d times$/m);
      expect(stdout).toMatch(
        new RegExp(`^ {2}ours \\(${testCase.method}\\) +\\d+\\.\\d\\d ms`, 'm'),
      );
      expect(stdout).toMatch(/^ {2}child_process\.fork +\d+/m);
      expect(stdout).toMatch(/^ {2}worker_threads +\d+/m);
    });

    test('every file in this process and in the pool, up to the limit', async () => {
      const { code, stdout, stderr } = await testCase.run(
        { file: demo },
        {
          args: ['--processes', '2', '--limit', '1', text],
          nodeArgs: ['-r', preload],
          timeoutMs: 50_000,
        },
      );
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain('the folder holds more than 1.0 MB');
      expect(stdout).toMatch(/^ {2}files +10$/m);
      expect(stdout).toMatch(/^ {2}bytes +1\.0 MB$/m);
      const size = `${((10 * gzipSync(content, { level: 1 }).length) / 1e6).toFixed(1)} MB`;
      expect(stdout).toMatch(new RegExp(`^  compressed [^ ]+, level 1\\) +${size} `, 'm'));
      const [first, ...others] = readFileSync(log, 'utf8').trim().split('\n');
      rmSync(log);
      expect(others.filter((pid) => pid === first)).toHaveLength(9);
      expect(others.filter((pid) => pid !== first)).toHaveLength(10);
    });

    test.each(['one process', '2 processes'])(
      'Ctrl-C during the bar of %s leaves the terminal as it was',
      (bar) => {
        const demoHere = [process.execPath, demo, '--processes', '2', big];
        const { status, stdout } = spawnSync('python3', ['-c', TERMINAL, bar, ...demoHere], {
          encoding: 'utf8',
          env: { ...process.env, ...testCase.env },
        });
        expect(stdout).toMatch(new RegExp(`${bar} +[█░]+ 0/1 files`));
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

test('a folder that cannot be read is an end with 1', async () => {
  const args = [path.join(folder, 'no such')];
  const { code, stderr } = await runProgram({ file: demo }, { args });
  expect([code, stderr]).toEqual([1, `cannot read the folder ${args[0]}: ENOENT\n`]);
});

const work = path.resolve(demo, '..', 'demo', 'work.mjs');

/** What the demo makes of a file, in a process of its own: a long one keeps it for many seconds. */
async function digestOf(file: Buffer): Promise<unknown> {
  const { stdout } = await runProgram(
    `import { digest } from ${JSON.stringify(pathToFileURL(work))};
    console.log(JSON.stringify(digest(${JSON.stringify(file.toString('latin1'))}, 'it')));`,
    { esm: true, timeoutMs: 110_000 },
  );
  return JSON.parse(stdout);
}

// More than one piece, and than what readFileSync reads.
test('a file of more than 2 GiB is hashed and compressed', async () => {
  const long = path.join(folder, 'long');
  try {
    writeFileSync(long, '');
    truncateSync(long, 2 ** 31 + 1);
    expect(await digestOf(Buffer.from(long))).toMatchObject({ bytes: 2 ** 31 + 1 });
  } finally {
    rmSync(long);
  }
}, 120_000);

// Elsewhere names are UTF-8.
test.runIf(process.platform === 'linux')('so is one with any bytes for a name', async () => {
  const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x61])]);
  writeFileSync(odd, 'text');
  try {
    expect(await digestOf(odd)).toEqual({
      name: 'it',
      bytes: 4,
      compressed: gzipSync('text', { level: 1 }).length,
      hash: createHash('sha256').update('text').digest('hex'),
    });
  } finally {
    rmSync(odd);
  }
});

test.runIf(existsSync('/proc/self/maps'))('what the kernel makes up is empty', async () => {
  const maps = Buffer.from('/proc/self/maps');
  expect(await digestOf(maps)).toMatchObject({ bytes: 0, compressed: 0 });
});
