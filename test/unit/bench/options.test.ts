// What the bench says when it is asked how, or is asked for what there is not.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const bench = path.resolve(import.meta.dirname, '..', '..', '..', 'bench');

describe.each([
  ['run.mjs', 'npm run bench [--'],
  ['report.mjs', 'npm run bench:report [--'],
])('%s', (file, usage) => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [path.join(bench, file), ...args], { encoding: 'utf8' });

  test.each(['--help', '-h'])('%s prints how, and nothing is done', (help) => {
    const { status, stdout, stderr } = run(help);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.startsWith(usage)).toBe(true);
  });

  test.each([['--fast'], ['--json'], ['pool']])('%s is an error of usage', (...args) => {
    const { status, stdout, stderr } = run(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(args[0]);
    expect(stderr).toContain(usage);
    expect(stderr).not.toContain('    at ');
  });
});
