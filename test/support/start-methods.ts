// The matrix every user-visible feature is tested under: which code starts the child × which backend carries the rest.
import { describe, test } from 'vitest';
import { runProgram, type ProgramOptions, type ProgramResult } from './clean-node.js';

export type Backend = 'native' | 'fallback';
export type Method = 'fork' | 'forkserver' | 'spawn';

export interface Case {
  backend: Backend;
  method: Method;
  /** Environment of a program that runs under this case; the program reads MP_TEST_START_METHOD itself. */
  env: { MULTIPROCESSING_BACKEND: Backend; MP_TEST_START_METHOD: Method };
  run(source: string | { file: string }, options?: ProgramOptions): Promise<ProgramResult>;
}

const usesGlibc = (): boolean => {
  const report = process.report.getReport() as unknown as { header: Record<string, unknown> };
  return typeof report.header['glibcVersionRuntime'] === 'string';
};

function methodsOf(backend: Backend): Method[] {
  if (backend === 'fallback') return ['spawn'];
  if (process.platform === 'win32') return [];
  return process.platform === 'linux' && usesGlibc() ? ['fork', 'spawn'] : ['spawn'];
}

/** Both backends, or the one that the environment forces. */
const backends: Backend[] = (['native', 'fallback'] as const).filter((backend) =>
  [undefined, '', backend].includes(process.env['MULTIPROCESSING_BACKEND']),
);

/** All start methods, or the one that MP_TEST_METHOD names. */
const wanted = (method: Method): boolean =>
  [undefined, '', method].includes(process.env['MP_TEST_METHOD']);

export const cases: Case[] = backends.flatMap((backend) =>
  methodsOf(backend)
    .filter(wanted)
    .map((method) => makeCase(backend, method)),
);

/**
 * Node can hang for good at its own end, when a compiler thread asks for a garbage collection just as the main thread waits for it
 * (nodejs/node#54918): one program in tens of thousands. Beside forks the compiler threads stay: they are what a fork must cope with.
 */
const WITHOUT_DEADLOCK = ['--no-concurrent-recompilation'];

function makeCase(backend: Backend, method: Method): Case {
  const env = { MULTIPROCESSING_BACKEND: backend, MP_TEST_START_METHOD: method } as const;
  return {
    backend,
    method,
    env,
    run: (source, { nodeArgs = [], ...options } = {}) =>
      runProgram(source, {
        ...options,
        nodeArgs: [...(method === 'fork' ? [] : WITHOUT_DEADLOCK), ...nodeArgs],
        env: { ...env, ...options.env },
      }),
  };
}

/**
 * CPython's tests: each under a fork and under a spawn. The third case, a spawned child of the native backend, takes the longest and
 * differs from the two in nothing that they look at: MP_TEST_METHOD=spawn adds it. It is there where nothing is forked.
 */
export function describeConformance(
  title: string,
  body: (testCase: Case) => void,
  only: (testCase: Case) => boolean = () => true,
): void {
  const asked = process.env['MP_TEST_METHOD'] === 'spawn';
  const forks = cases.some((testCase) => testCase.method === 'fork' && only(testCase));
  describeEach(
    title,
    body,
    (testCase) =>
      only(testCase) &&
      (asked || testCase.backend === 'fallback' || testCase.method === 'fork' || !forks),
  );
}

/**
 * `describe` once per case; narrow with `only` where a feature exists on some cases alone. Where it exists on none of this run's, that is
 * one skipped test: no file may be without any.
 */
export function describeEach(
  title: string,
  body: (testCase: Case) => void,
  only: (testCase: Case) => boolean = () => true,
): void {
  const applying = cases.filter(only);
  if (applying.length === 0) test.skip(`${title} [no case of this run]`, () => undefined);
  for (const testCase of applying) {
    describe(`${title} [${testCase.backend}, ${testCase.method}]`, () => body(testCase));
  }
}

/**
 * `test`, where it applies; for the other cases there is no such test, rather than a skipped one. It is for the body of `describeEach`:
 * what hangs on the platform or the run alone is `test.runIf` or `describe.runIf`.
 */
export function when(
  applies: boolean | undefined,
): (title: string, body: () => unknown, timeoutMs?: number) => void {
  return applies === true ? (test as ReturnType<typeof when>) : () => undefined;
}
