/** What was printed must be out before a child leaves. */

/**
 * Resolves when everything written to process.stdout and process.stderr has been handed to the system. Broken streams have
 * nothing to wait for. Looking at the streams would make them, so they are left alone while no write is under way.
 */
export async function flushStdio(): Promise<void> {
  if (!isWriting()) return;
  await Promise.all([drained('stdout'), drained('stderr')]);
}

/** Whether any write of this process is under way, which may be one of the standard streams. */
export function isWriting(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.includes('Write'));
}

function drained(name: 'stdout' | 'stderr'): Promise<void> {
  return new Promise((resolve) => {
    const stream = outputOf(name);
    if (stream === undefined || stream.destroyed || stream.writableLength === 0) {
      resolve();
      return;
    }
    stream.once('error', () => resolve());
    stream.once('close', () => resolve());
    stream.write('', () => resolve());
  });
}

/** The getter throws when the descriptor is of a kind Node does not know. */
function outputOf(name: 'stdout' | 'stderr'): NodeJS.WriteStream | undefined {
  try {
    return process[name];
  } catch {
    return undefined;
  }
}
