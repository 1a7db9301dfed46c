// The thread that ends a child with its parent, whatever the child is doing.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runProgram } from '../../support/clean-node.js';

const programs = path.join(import.meta.dirname, 'programs');
const PRELOAD = path.join(programs, 'preload.cjs');

const root = (body: string): string => `
const { spawn, say, hear, ended } = require(${JSON.stringify(path.join(programs, 'harness.cjs'))});
(async () => { ${body} })();`;

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'guard-'));
  file = path.join(folder, 'file');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test.each([
  ['is killed', `process.kill(process.pid, 'SIGKILL');`, { code: null, signal: 'SIGKILL' }],
  ['ends without a word', 'process.exit(4);', { code: 4, signal: null }],
])(
  'a child that never comes back to its event loop dies when the root %s',
  async (_how, end, expected) => {
    // That nothing is left behind is checked by runProgram.
    const result = await runProgram(
      root(`
    const { control } = await spawn();
    await say(control, 'spin 100000');
    await hear(control);
    ${end}`),
    );
    expect(result).toMatchObject({ ...expected, stderr: '' });
  },
);

test('one that was let go does not', async () => {
  const { code, stderr } = await runProgram(
    root(`
    const { child, control } = await spawn();
    await say(control, ${JSON.stringify(`spin 1000 ${file}`)});
    await hear(control);
    process.on('exit', () => child.letGo());
    process.exit(3);`),
  );
  expect([code, stderr]).toEqual([3, '']);
  expect(readFileSync(file, 'utf8')).toBe('came to its end');
});

test.each(['execArgv', 'NODE_OPTIONS'])('no module of the user runs in it (%s)', async (given) => {
  const inOptions = given === 'NODE_OPTIONS';
  const { code, stdout, stderr } = await runProgram(
    root(`
    if (${inOptions}) process.env.NODE_OPTIONS = ${JSON.stringify(`--require ${JSON.stringify(PRELOAD)}`)};
    const execArgv = ${inOptions ? '[]' : JSON.stringify(['--require', PRELOAD])};
    const { child, control } = await spawn({ execArgv });
    await say(control, 'guarded');
    console.log(await hear(control));
    await say(control, 'exit 7');
    console.log((await ended(child)).exitCode);`),
    { env: { MP_TEST_LOADED: file } },
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe('guarded\n7\n');
  expect(readFileSync(file, 'utf8')).toBe('main ');
});

/** What a preloaded module may do. */
const CLOSES_ITS_PIPE = `import fs from 'node:fs';
fs.closeSync(4);
globalThis.guardIsUp = new Promise((ended) => process.once('worker', (guard) => guard.once('exit', ended)));`;
const major = Number(process.versions.node.split('.')[0]);
const PERMISSION = major < 24 ? '--experimental-permission' : '--permission';

test.each([
  ['may have no threads', 'echo alone', [PERMISSION, '--allow-fs-read=*', '--no-warnings']],
  [
    'has no pipe for it',
    'guarded',
    ['--import', `data:text/javascript,${encodeURIComponent(CLOSES_ITS_PIPE)}`],
  ],
])('a child that %s works without it', async (_why, order, execArgv) => {
  const { code, stdout, stderr } = await runProgram(
    root(`
    const { child, control } = await spawn({ execArgv: ${JSON.stringify(execArgv)} });
    await say(control, '${order}');
    console.log(await hear(control));
    await say(control, 'exit 7');
    console.log((await ended(child)).exitCode);`),
    { env: { NODE_DEBUG: 'multiprocessing' } },
  );
  expect([code, stdout]).toEqual([0, `${order.split(' ').at(-1)}\n7\n`]);
  expect(stderr).toMatch(/no guard: .*(ERR_ACCESS_DENIED|EBADF|ERR_INVALID_FD)/s);
});
