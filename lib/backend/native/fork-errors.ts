import type { Forking } from '../contract.js';
import { systemError } from '../system-error.js';

/** The same, with a failed system call told as one of our errors: there may be no descriptor, no memory or no process left. */
export function describeForkErrors(forking: Forking): Forking {
  return {
    ...forking,
    fork: (options) => describe('the process could not be forked', () => forking.fork(options)),
    pipe: () => describe('no pipe could be made', () => forking.pipe()),
    openFile: (path, mode) =>
      describe(`${path} could not be opened`, () => forking.openFile(path, mode)),
  };
}

function describe<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw systemError(what, error);
  }
}
