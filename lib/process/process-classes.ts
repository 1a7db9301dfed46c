/** The process classes bound to one start method, Python's ForkProcess and SpawnProcess: made to be subclassed. */
import type { StartMethod } from '../backend/contract.js';
import { NotSupportedError } from '../errors.js';
import { Process } from './process.js';

export class ForkProcess<A extends readonly unknown[] = readonly unknown[]> extends Process<A> {
  static override readonly startMethod: StartMethod = 'fork';
}

export class SpawnProcess<A extends readonly unknown[] = readonly unknown[]> extends Process<A> {
  static override readonly startMethod: StartMethod = 'spawn';
}

/** The class for a method; the one that follows the process's own choice when none is given. */
export function processClassFor(method: StartMethod | undefined): typeof Process {
  if (method === undefined) return Process;
  if (method === 'fork') return ForkProcess;
  if (method === 'spawn') return SpawnProcess;
  throw new NotSupportedError(
    "the start method 'forkserver' is not there yet: use 'fork' or 'spawn'",
  );
}
