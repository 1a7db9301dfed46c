/**
 * Where Node looks for what its options name by a relative path (`-r ./hook.cjs`, also in NODE_OPTIONS): the directory in which a process
 * begins. So a child begins where this process did, and goes to where this one is now when it has been told what to run.
 */
import { accessSync, constants } from 'node:fs';

/** Undefined where there was none: it had been removed. Nothing before this library is loaded is known here. */
const startDirectory = here();

/** Undefined where the child is to stay where it begins, which is here. */
export function directoriesOfChild(): { begin: string; goOn: string } | undefined {
  const now = here();
  if (startDirectory === undefined || now === undefined || now === startDirectory) return undefined;
  // Where one of them cannot be entered any more, the child inherits what this process has open.
  return [startDirectory, now].every(canEnter) ? { begin: startDirectory, goOn: now } : undefined;
}

function here(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

function canEnter(directory: string): boolean {
  try {
    accessSync(directory, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
