// What a measurement needs from outside of Node, where the machine has it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

const outputs = path.join(import.meta.dirname, '..', 'build', 'bench');

let foundPython;

/** The interpreter to compare with: PYTHON, or python3. */
export function python() {
  foundPython ??= { command: [process.env.PYTHON, 'python3'].find((name) => name && works(name)) };
  return foundPython.command;
}

function works(command) {
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
