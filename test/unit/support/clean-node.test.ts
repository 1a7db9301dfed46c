import { expect, test } from 'vitest';
import { runProgram } from '../../support/clean-node.js';

test('a program that ends well gives its code and output', async () => {
  const result = await runProgram(
    'console.log(process.argv[2], typeof process.send); console.error("e"); process.exit(3)',
    { args: ['a'] },
  );
  expect(result).toMatchObject({ code: 3, signal: null, stdout: 'a undefined\n', stderr: 'e\n' });
});

test('an ES module is run as one', async () => {
  const result = await runProgram('console.log(import.meta.url.slice(0, 5))', { esm: true });
  expect(result.stdout).toBe('file:\n');
});

test('a program that hangs is killed with its descendants, and the failure tells where it hung', async () => {
  const source = `
    const { spawn } = require('node:child_process');
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'inherit' });
    console.log('started');
    setInterval(() => {}, 1000);`;
  await expect(runProgram(source, { timeoutMs: 1_000 })).rejects.toThrow(
    /did not end within 1000 ms[^]*pid \d+[^]*pid \d+[^]*started/,
  );
});

test('a process left behind fails the program', async () => {
  const source = `
    require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'],
      { detached: true, stdio: 'ignore' }).unref();`;
  await expect(runProgram(source)).rejects.toThrow(/left processes behind[^]*setInterval/);
});
