import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { buildCore, compileFloor, python, works } from './tools.mjs';

const LIMIT_MS = 120_000;
const subjects = path.join(import.meta.dirname, 'subjects');

/** The command of each kind of subject, or why there is none on this machine. */
const commands = {
  node: (file, node) => [node, '--expose-gc', path.join(subjects, `${file}.mjs`)],
  python: (file) => python() && [python(), path.join(subjects, `${file}.py`)],
  floor: (file) => {
    const program = compileFloor(path.join(subjects, `${file}.c`));
    return program && [program];
  },
  core: () => {
    const program = buildCore();
    return program && [program];
  },
};

const lacking = { python: 'python', floor: 'C compiler', core: 'cmake' };

/** All of it on one processor: nobody can look on while another one works. */
const ON_ONE = ['taskset', '-c', '0'];

/** Milliseconds per operation, one number for each that was measured, by that Node; or why it could not be. */
export async function runSubject({ kind, file, measure, onOneCpu }, size, node) {
  const own = commands[kind](file, node);
  if (own === undefined) return { missing: `no ${lacking[kind]} here` };
  if (onOneCpu && !works('taskset')) return { missing: 'no taskset here' };
  const command = onOneCpu ? [...ON_ONE, ...own] : own;
  const child = spawn(command[0], [...command.slice(1), measure, JSON.stringify(size)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
  }
  const [code, signal] = await once(child, 'close');
  if (code === 0) return { samples: JSON.parse(output.stdout) };
  return { missing: `failed (${signal ?? code}): ${output.stderr.trim().split('\n').at(-1)}` };
}
