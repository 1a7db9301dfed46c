// WebAssembly that V8 is compiling while the program forks: what awaits it goes on where it was begun, and in a twin, but in no child.
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');

const PROGRAM = `
const { existsSync, writeSync } = require('node:fs');
const { Process, fork, exitNow } = require('node-multiprocessing');

/** A module of 20,000 functions, so that it takes a while. */
const number = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...number(value >> 7)]);
const section = (id, content) => [id, ...number(content.length), ...content];
const count = 20_000;
const bodies = Array.from({ length: count }, (_, i) => [4, 0, 0x41, i & 63, 0x0b]).flat();
const wasm = Buffer.from([
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  ...section(1, [1, 0x60, 0, 1, 0x7f]),
  ...section(3, [...number(count), ...new Array(count).fill(0)]),
  ...section(10, [...number(count), ...bodies]),
]);

let name = 'root';
const compiled = WebAssembly.compile(wasm).then(() => writeSync(1, 'in the ' + name + '\\n'));
const linger = () => { name = 'child'; return new Promise((resolve) => setTimeout(resolve, 100)); };
const run = async () => {
  const child = new Process({ target: linger });
  await child.start();
  await child.join();
  await compiled;
};
const pid = fork();
if (pid === 0) {
  name = 'twin';
  run().then(() => exitNow(0));
} else {
  // Its end would be the twin's.
  run().then(async () => {
    while (existsSync('/proc/' + pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  });
}`;

describe.runIf(forking)('WebAssembly under way at a fork [native]', () => {
  it('is compiled in a twin too, and in no child of either', async () => {
    const { code, stdout, stderr } = await forking!.run(PROGRAM);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n').sort()).toEqual(['in the root', 'in the twin']);
  });
});
