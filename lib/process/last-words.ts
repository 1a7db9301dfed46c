/**
 * The error that ends a program with children. Node tells of it behind the 'exit' listeners, so behind the wait for the
 * children, which may be for ever: a program that has failed would look as if it worked. Python prints first and then waits.
 */
import { isMainThread } from 'node:worker_threads';
import { describeError, printError } from './traceback.js';

let fatal: { readonly error: unknown } | undefined;

/** Called at every start of a child. In a worker_thread the error goes to the 'error' event of its Worker instead. */
export function watchErrors(): void {
  if (!isMainThread || process.listeners('uncaughtExceptionMonitor').includes(note)) return;
  process.on('uncaughtExceptionMonitor', note);
}

/** With nobody to catch it, 'exit' comes next, and nothing in between. */
function note(error: unknown): void {
  const isCaught =
    process.listenerCount('uncaughtException') > 0 || process.hasUncaughtExceptionCaptureCallback();
  if (!isCaught) fatal = { error };
}

/** Prints the error that this program ends of, if it does, in Node's words. Returns whether it did. */
export function sayLastWords(): boolean {
  if (fatal === undefined) return false;
  printError(`${describeError(fatal.error)}\n\nNode.js ${process.version}\n`);
  return true;
}

/** Ends the process as Node would after the last 'exit' listener, without printing the error a second time. */
export function leave(): never {
  const { reallyExit } = process as unknown as { reallyExit: (code: number) => never };
  return reallyExit.call(process, Number(process.exitCode ?? 1));
}
