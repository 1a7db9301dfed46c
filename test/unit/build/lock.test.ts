// The lock of a build, left behind by builds that ended in each way, and held by another process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const module = path.resolve(import.meta.dirname, '..', '..', '..', 'scripts', 'build', 'lock.mjs');
const url = pathToFileURL(module).href;
const { withBuildLock } = (await import(url)) as {
  withBuildLock: <T>(body: () => T, file: string) => Promise<T>;
};

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mp-lock-'));
  file = path.join(folder, 'build.lock');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Has the lock until its stdin ends, and says when it has it. */
async function startHolder(): Promise<ReturnType<typeof spawn>> {
  const program = `import { withBuildLock } from ${JSON.stringify(url)};
    await withBuildLock(async () => {
      process.stdout.write('held');
      for await (const _ of process.stdin);
    }, process.argv[1]);`;
  const args = ['--input-type=module', '-e', program, file];
  const holder = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  return holder;
}

test('is there while the build runs', async () => {
  expect(await withBuildLock(() => existsSync(file), file)).toBe(true);
  expect(existsSync(file)).toBe(false);
});

test.each([
  ['empty', ''],
  ['damaged', 'no process\n'],
  ['of the process 0', '0'],
])('is nobody’s when it is %s', async (_, text) => {
  writeFileSync(file, text);
  expect(await withBuildLock(() => 'built', file)).toBe('built');
});

test.runIf(existsSync('/proc/self/stat')).each(['', '\n', ' 1'])(
  'is nobody’s when its process id is that of another program now (%j)',
  async (started) => {
    writeFileSync(file, `${String(process.pid)}${started}`);
    expect(await withBuildLock(() => 'built', file)).toBe('built');
  },
);

test('a build waits for the one that has it, and says so', async () => {
  const holder = await startHolder();
  const said = vi.spyOn(console, 'error').mockImplementation(() => void holder.stdin?.end());
  expect(await withBuildLock(() => 'built', file)).toBe('built');
  expect(said.mock.calls).toEqual([
    [`waits for the build of process ${String(holder.pid)} (${file})`],
  ]);
  if (holder.exitCode === null) await once(holder, 'exit');
  expect(holder.exitCode).toBe(0);
});

test.runIf(process.platform !== 'win32').each(['SIGINT', 'SIGTERM'] as const)(
  'is let go of by a build that %s ends',
  async (signal) => {
    const holder = await startHolder();
    expect(existsSync(file)).toBe(true);
    holder.kill(signal);
    expect(await once(holder, 'exit')).toEqual([null, signal]);
    expect(existsSync(file)).toBe(false);
  },
);
