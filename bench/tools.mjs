// What a measurement needs from outside of Node, where the machine has it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

const outputs = path.join(import.meta.dirname, '..', 'build', 'bench');

let foundPython;

/** The interpreter to compare with: PYTHON, or python3. */
export function python() {
  foundPython ??= { command: [process.env.PYTHON, 'python3'].find((name) => name && works(name)) };
  return foundPython.command;
}

/** Whether there is such a program. */
export function works(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

export function pythonVersion() {
  const command = python();
  if (command === undefined) return 'none';
  return spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout.trim();
}

/** Compiles a program or an addon of the bench where there is a compiler. Its path, or undefined. */
export function compileFloor(source, { addon = false } = {}) {
  const program = path.join(outputs, path.basename(source, '.c'));
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync(outputs, { recursive: true });
  const kind = addon ? ['-shared', '-fPIC'] : [];
  const { status } = spawnSync(process.env.CC ?? 'cc', ['-O2', ...kind, '-o', program, source], {
    stdio: 'inherit',
  });
  return status === 0 ? program : undefined;
}

let builtCore;

/** The core without Node, as a program of the workshop build. Its path, or undefined where that does not build. */
export function buildCore() {
  builtCore ??= { program: makeCore() };
  return builtCore.program;
}

function makeCore() {
  const root = path.join(import.meta.dirname, '..');
  const folder = path.join(outputs, 'core');
  const steps = [
    ['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release', '--log-level=WARNING'],
    ['--build', folder, '--target', 'ours_core', '--parallel', String(availableParallelism())],
  ];
  const stdio = ['ignore', 'ignore', 'inherit'];
  const built = steps.every((step) => spawnSync('cmake', step, { stdio }).status === 0);
  return built ? path.join(folder, 'ours_core') : undefined;
}
