/** Keeps a main module without a guard from starting its program again in every child that imports it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import path from 'node:path';
import { isBegunAgain } from '../backend/child-mark.js';
import type { StartMethod } from '../backend/contract.js';
import { packageFiles } from '../base/package-files.js';
import { BootstrapError } from '../errors.js';

/** What is imported: the program's main module, or another one. One for every copy of the package in this process. */
const IMPORTING = Symbol.for('node-multiprocessing.importing.1');
const globals = globalThis as { [IMPORTING]?: AsyncLocalStorage<'main' | 'other'> };
const importing = (globals[IMPORTING] ??= new AsyncLocalStorage<'main' | 'other'>());

/** What this process really runs; a spawned child's argv[1] becomes its parent's later. */
const program = process.argv[1];
let imports = 0;
let argument: string | undefined;

/**
 * Runs the import of a target's module. Whatever the module's top level begins stays marked, also what goes on later and
 * asynchronously: an unguarded `main()` reaches its start() long after the import is over. Meanwhile argv[1] is the
 * program that this process runs, so that a main module sees that it is not the main program.
 */
export async function whileImporting<T>(load: () => Promise<T>, isMain = false): Promise<T> {
  if (imports === 0) {
    argument = process.argv[1];
    if (program !== undefined) process.argv[1] = program;
  }
  imports += 1;
  try {
    return await importing.run(isMain ? 'main' : 'other', load);
  } finally {
    imports -= 1;
    if (imports === 0 && argument !== undefined) process.argv[1] = argument;
  }
}

/**
 * For a child in which the program's main module has not been loaded, once the import is over: what goes on from it is no
 * program that starts again. Tracking it all the same would make every `await` three times as slow on Node 20 and 22.
 */
export function forgetImport(): void {
  importing.disable();
}

/** @throws BootstrapError when called from what an import has begun. */
export function checkNotImporting(label: string): void {
  if (importing.getStore() !== undefined) throw unguarded(label);
}

/**
 * For what starts processes of its own accord, a little later: another module may make such a thing for when it is the program's.
 * @throws BootstrapError when called from what an import of the program's main module has begun.
 */
export function checkNotImportingMain(label: string): void {
  if (importing.getStore() === 'main') throw unguarded(label);
}

/**
 * A child's own program takes the mark before anything else runs. What is preloaded there (`-r`, `--import`) comes before it, and may fork.
 * @throws BootstrapError in a program that has begun again instead of a child: it would do so again and again.
 */
export function checkOwnProgram(label: string, method: StartMethod): void {
  if (!isBegunAgain() || (method === 'fork' && isChildProgram())) return;
  throw new BootstrapError(
    `${label} was about to be started where a child of this program has not begun as one: ${process.execPath} may not run the ` +
      'file that it is given (a program packed with Node), or this is preloaded into the child, or the variable NODE_MULTIPROCESSING_CHILD was ' +
      'copied from one. Start it in the main program; where that is packed, use fork.',
  );
}

function isChildProgram(): boolean {
  const { child } = packageFiles() ?? {};
  return (
    child !== undefined && program !== undefined && path.resolve(program) === path.resolve(child)
  );
}

function unguarded(label: string): BootstrapError {
  return new BootstrapError(
    `${label} was about to be started by a module that is only imported here, for a target in it: its program would start ` +
      'again in every child. Keep the start behind a guard, `if (parentProcess() === null) await main()`, or move the target to a ' +
      'module of its own.',
  );
}
