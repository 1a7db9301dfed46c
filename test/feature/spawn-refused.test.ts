// Where no fresh Node would run a child: nothing is spawned then, and no program begins again in each of its children.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { getAllStartMethods } from 'node-multiprocessing';
import { rolldown } from 'rolldown';
import { runProgram } from '../support/clean-node.js';
import { cases, describeEach, when } from '../support/start-methods.js';

const folder = path.resolve(import.meta.dirname, '..', '.tmp', `bundles-${String(process.pid)}`);
const fixture = path.resolve(import.meta.dirname, '..', 'fixtures', 'process', 'refused.cjs');
const library = createRequire(import.meta.url).resolve('node-multiprocessing');
const backends = [...new Set(cases.map(({ backend }) => backend))];
/** Whatever the run is narrowed to. */
const canFork = (backend: string): boolean =>
  backend === 'native' && getAllStartMethods().includes('fork');

interface Told {
  methods: string[];
  errors: { name: string; code: string; message: string }[];
  forked?: number[];
}

/** What the fixture, or a bundle of it, says. It is begun once, and ends well. */
async function told(backend: string, file: string, env = {}): Promise<Told> {
  const { code, stdout, stderr } = await runProgram(
    { file },
    { env: { ...env, MULTIPROCESSING_BACKEND: backend } },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Told;
}

function expectRefused({ methods, errors, forked }: Told, backend: string, why: RegExp): void {
  const forks = canFork(backend);
  expect(methods).toEqual(forks ? ['fork'] : []);
  expect(forked).toEqual(forks ? [1, 8, 27] : undefined);
  expect(errors.length).toBeGreaterThan(3);
  for (const error of errors) {
    expect(error).toMatchObject({ name: 'NotSupportedError', code: 'ERR_MP_NOT_SUPPORTED' });
    expect(error.message).toMatch(/^the start method 'spawn' cannot be used here: /);
    expect(error.message).toMatch(why);
  }
}

describe.each(backends)('In a program that a bundler has put the package into [%s]', (backend) => {
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    const bundle = await rolldown({
      input: fixture,
      platform: 'node',
      external: [/^node-gyp-build$/, /^acorn$/, /^eslint-scope$/],
      resolve: { alias: { 'node-multiprocessing': library } },
    });
    for (const [format, file] of [
      ['cjs', 'bundle.cjs'],
      ['esm', 'bundle.mjs'],
    ] as const) {
      await bundle.write({ format, minify: true, file: path.join(folder, file) });
    }
    await bundle.close();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(['bundle.cjs', 'bundle.mjs'])(
    'nothing is spawned, the error says what to do, and its name is kept (%s)',
    async (file) => {
      const said = await told(backend, path.join(folder, file));
      expectRefused(said, backend, /part of a bundle here.*mark it as external/);
    },
  );
});

describe.each(backends)('In a single executable application [%s]', (backend) => {
  test('nothing is spawned: it would start itself', async () => {
    const said = await told(backend, fixture, { MP_TEST_PRETENDS: 'sea' });
    expectRefused(said, backend, /single executable application.*would start itself/);
  });
});

describe.each(backends)('A program that begins again instead of its child [%s]', (backend) => {
  test('starts nothing', async () => {
    const said = await told(backend, fixture, { NODE_MULTIPROCESSING_CHILD: backend });
    expect(said.forked).toBeUndefined();
    expect(said.errors.length).toBeGreaterThan(3);
    for (const error of said.errors) {
      expect(error).toMatchObject({ name: 'BootstrapError', code: 'ERR_MP_BOOTSTRAP' });
      expect(error.message).toMatch(/has not begun as one/);
    }
  });
});

describeEach('What is preloaded into spawned children', (testCase) => {
  const preload = path.join(folder, 'preload.cjs');
  const program = `
    const { Pool } = require('node-multiprocessing');
    const pool = new Pool({ processes: 1, startMethod: 'spawn' });
    pool.apply(() => globalThis.preloaded).then(console.log).finally(() => pool.terminate());`;
  const preloading = async (source: string): Promise<unknown> => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(preload, source);
    try {
      const { code, stdout, stderr } = await testCase.run(program, { nodeArgs: ['-r', preload] });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return stdout;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  when(canFork(testCase.backend))('may fork', async () => {
    const told = await preloading(`
      const { Process } = require('node-multiprocessing').getContext('fork');
      const child = new Process({ target: () => process.exit(7) });
      globalThis.preloaded = child.start().then(() => child.join());`);
    expect(told).toBe('7\n');
  });

  test('may not spawn: it would be preloaded there again', async () => {
    const told = await preloading(`
      const { Process } = require('node-multiprocessing').getContext('spawn');
      const isChild = /entry.child\\.js$/.test(process.argv[1]);
      const start = () => new Process({ target: () => {} }).start();
      globalThis.preloaded = isChild && start().then(() => 'started', (error) => error.code);`);
    expect(told).toBe('ERR_MP_BOOTSTRAP\n');
  });
});

describeEach('A second copy of the package in a program', (testCase) => {
  test('knows a child as the first one does, so its guard holds', async () => {
    const { code, stdout, stderr } = await testCase.run(`
      const first = require('node-multiprocessing');
      for (const file of Object.keys(require.cache)) if (/[\\\\/]dist[\\\\/]/.test(file)) delete require.cache[file];
      const second = require('node-multiprocessing');
      exports.cube = (n) => n ** 3;
      if (second.parentProcess() === null) {
        console.log(first === second, second.currentProcess().name);
        // Copies made like this have one addon, which serves the last.
        const used = process.env.MULTIPROCESSING_BACKEND === 'fallback' ? [first, second] : [first];
        const pools = used.map(({ Pool }) => new Pool({ processes: 1, startMethod: process.env.MP_TEST_START_METHOD }));
        Promise.all(pools.map((pool) => pool.map(exports.cube, [2, 3]))).then(async (cubes) => {
          console.log(cubes.join());
          for (const pool of pools) {
            pool.close();
            await pool.join();
          }
        });
      }`);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `false MainProcess\n${testCase.backend === 'fallback' ? '8,27,8,27' : '8,27'}\n`,
      stderr: '',
    });
  });
});
