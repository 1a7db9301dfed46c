/** How a child tells of the error that ended it: the whole of it, on descriptor 2, before anything else happens. */
import { writeSync } from 'node:fs';
import { types, inspect } from 'node:util';

/** A full pipe is tried again for this long: a reader that has gone to sleep must not hold the dying process for ever. */
const WRITE_PATIENCE_MS = 5_000;

export function printTraceback(processName: string, error: unknown): void {
  printError(`Process ${processName}:\n${describeError(error)}\n`);
}

export function describeError(error: unknown): string {
  try {
    const text = inspect(error, { depth: 4, colors: false });
    return types.isNativeError(error) || error instanceof Error ? text : `Uncaught ${text}`;
  } catch {
    return 'Uncaught error that cannot be shown';
  }
}

/** Not through process.stderr: it may be destroyed, or asynchronous, and there is no time left for it. */
export function printError(text: string): void {
  const bytes = Buffer.from(text);
  const giveUpAt = performance.now() + WRITE_PATIENCE_MS;
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(2, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > giveUpAt)
        return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
