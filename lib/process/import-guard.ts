/** Keeps a main module without a guard from starting its program again in every child that imports it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { BootstrapError } from '../errors.js';

const importing = new AsyncLocalStorage<true>();

/**
 * Runs the import of a target's module. Whatever the module's top level begins stays marked, also what goes on later and
 * asynchronously: an unguarded `main()` reaches its start() long after the import is over.
 */
export function whileImporting<T>(load: () => T): T {
  return importing.run(true, load);
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
  if (importing.getStore() !== true) return;
  throw new BootstrapError(
    `${label} was about to be started by a module that is only imported here, for a target in it: its program would start ` +
      'again in every child. Keep the start behind a guard, `if (require.main === module) main()` or, in an ES module, ' +
      '`if (import.meta.url === pathToFileURL(process.argv[1]).href) await main()`, or move the target to a module of its own.',
  );
}
