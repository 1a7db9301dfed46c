// Runs a program in a clean Node process: no IPC channel, no test runner around it, its own process group, a watchdog,
// and proof afterwards that nothing it started is still there. What forks, exits or kills is tested this way.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRAM_MARKER, describeProcesses, findByMarker } from './processes.js';
import { killQuietly } from './watchdog.js';

/** Inside the package, so that a program finds it under its own name. */
const TEMPORARY = path.resolve(import.meta.dirname, '..', '.tmp');
const LEFTOVER_GRACE_MS = 2_000;

export interface ProgramOptions {
  env?: Record<string, string | undefined>;
  nodeArgs?: readonly string[];
  args?: readonly string[];
  timeoutMs?: number;
  /** The source is an ES module; a `{ file }` says it by its own extension. */
  esm?: boolean;
}

export interface ProgramResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** When it ended, as Date.now(): its children may go on. */
  endedAt: number;
}

export async function runProgram(
  source: string | { file: string },
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const id = randomUUID();
  const folder = path.join(TEMPORARY, id);
  const file = typeof source === 'string' ? writeProgram(folder, source, options) : source.file;
  try {
    return await runFile(file, id, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeProgram(folder: string, source: string, { esm = false }: ProgramOptions): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, esm ? 'program.mjs' : 'program.cjs');
  writeFileSync(file, source);
  return file;
}

async function runFile(file: string, id: string, options: ProgramOptions): Promise<ProgramResult> {
  const { nodeArgs = [], args = [], timeoutMs = 30_000, env = {} } = options;
  const child = spawn(process.execPath, [...nodeArgs, file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...cleanEnvironment(), ...env, [PROGRAM_MARKER]: id },
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ended = new Promise<Pick<ProgramResult, 'code' | 'signal' | 'endedAt'>>(
    (resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve({ code, signal, endedAt: Date.now() }));
    },
  );

  const result = await withinTime(ended, timeoutMs);
  const left = await leftovers(id, result ? LEFTOVER_GRACE_MS : 0);
  const scene = describeProcesses(left);
  if (!result || left.length > 0) killAll(child.pid, left);
  // A pipe end held by a process that escaped even this must not hold the test.
  await withinTime(closed, LEFTOVER_GRACE_MS);
  if (!result) throw failure(`the program did not end within ${timeoutMs} ms`, scene, output);
  if (left.length > 0) {
    throw failure(
      `the program (exit ${result.signal ?? result.code}) left processes behind`,
      scene,
      output,
    );
  }
  return { ...result, ...output };
}

async function leftovers(id: string, graceMs: number): Promise<number[]> {
  const deadline = performance.now() + graceMs;
  for (;;) {
    const pids = findByMarker(PROGRAM_MARKER, id);
    if (pids.length === 0 || performance.now() >= deadline) return pids;
    await sleep(20);
  }
}

function killAll(leader: number | undefined, pids: readonly number[]): void {
  if (leader !== undefined && process.platform !== 'win32') killQuietly(-leader);
  for (const pid of leader === undefined ? pids : [leader, ...pids]) killQuietly(pid);
}

async function withinTime<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      promise,
      sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined),
    ]);
  } finally {
    timer.abort();
  }
}

function failure(what: string, scene: string, output: { stdout: string; stderr: string }): Error {
  const parts = [what, scene, `--- stdout\n${output.stdout}`, `--- stderr\n${output.stderr}`];
  return new Error(parts.filter((part) => part !== '').join('\n'));
}

/** The environment without what the test runner and an outer Node put there for themselves. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign =
    /^(VITEST|NODE_CHANNEL_|NODE_OPTIONS$|NODE_ENV$|NODE_V8_COVERAGE$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
