// Which backend a process gets, and how it says that it cannot have the one that was asked for.
import path from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../support/clean-node.js';

const dist = path.resolve(import.meta.dirname, '..', '..', '..', 'dist');

async function choice(value: string | undefined, before = ''): Promise<string> {
  const { stdout, stderr, code } = await runProgram(
    `${before}
    const { backend } = require(${JSON.stringify(path.join(dist, 'backend', 'index.js'))});
    try { console.log(backend().name, backend() === backend()); }
    catch (error) { console.log(error.code, error.message, '|', error.cause && error.cause.message); }`,
    { env: { MULTIPROCESSING_BACKEND: value } },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}

/** Makes node-gyp-build fail, as where there is no addon for the platform. */
const noAddon = `require('node:module')._load = ((load) => function (request, ...rest) {
  if (request === 'node-gyp-build') return () => { throw new Error('No native build was found'); };
  return load.call(this, request, ...rest);
})(require('node:module')._load);`;

test.runIf(process.platform === 'linux')('is native where the addon loads, on Linux', async () => {
  expect(await choice(undefined)).toBe('native true');
  expect(await choice('')).toBe('native true');
});

test('is the one that the environment names', async () => {
  expect(await choice('fallback')).toBe('fallback true');
  expect(await choice('native')).toBe('native true');
});

test('is the fallback where no addon loads', async () => {
  expect(await choice(undefined, noAddon)).toBe('fallback true');
});

test('is an error where it was asked for and does not load', async () => {
  expect(await choice('native', noAddon)).toMatch(
    /^ERR_MP_NOT_SUPPORTED .*cannot be loaded.* \| No native build was found$/s,
  );
});

test('is an error when the name is unknown', async () => {
  expect(await choice('nativ')).toMatch(
    /^ERR_MP_NOT_SUPPORTED .*must be native or fallback, got "nativ"/,
  );
});

/** Modules are functions in one file: those that were run. */
const modulesRun = `
const { Session } = require('node:inspector');
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true });
function modulesRun() {
  let modules = [];
  session.post('Profiler.takePreciseCoverage', (_, { result }) => {
    const { url, functions } = result.find(({ url }) => url.endsWith('/library.js'));
    const source = require('node:fs').readFileSync(require('node:url').fileURLToPath(url), 'utf8');
    modules = functions.map(({ ranges: [{ startOffset, count }] }) => {
      const before = source.slice(0, startOffset).split('\\n').slice(-2).join('\\n');
      return count > 0 && /^\\/\\/ \\S*?library\\/(\\S+)\\n.*__commonJSMin\\(+$/.exec(before)?.[1];
    });
  });
  return modules.filter(Boolean);
}`;

test('the other one is not loaded', async () => {
  const loaded = async (name: string): Promise<string[]> => {
    const { stdout, stderr } = await runProgram(
      `${modulesRun}
      const { Pipe } = require('node-multiprocessing');
      for (const end of Pipe()) end.close();
      for (const module of modulesRun()) console.log(module);`,
      { env: { MULTIPROCESSING_BACKEND: name } },
    );
    expect(stderr).toBe('');
    return ['native', 'fallback'].filter((folder) => stdout.includes(`backend/${folder}/`));
  };
  expect(await loaded('native')).toEqual(['native']);
  expect(await loaded('fallback')).toEqual(['fallback']);
});
