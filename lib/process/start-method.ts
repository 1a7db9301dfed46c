/** Which start methods work in this process, and which one is used when nobody asks for one. */
import type { StartMethod } from '../backend/contract.js';
import { invalidType, outOfRange } from '../base/options.js';
import { ForkUnavailableError, NotSupportedError } from '../errors.js';
import { forkUnavailable } from './after-fork/index.js';
import { spawnUnavailable } from './launch/spawn-availability.js';
import { own } from './own-state.js';

const KNOWN: readonly string[] = ['fork', 'forkserver', 'spawn'] satisfies StartMethod[];

/** The ones that work here, the default first. */
export function usableStartMethods(): StartMethod[] {
  const methods: StartMethod[] = [];
  if (forkUnavailable() === undefined) methods.push('fork');
  if (spawnUnavailable() === undefined) methods.push('spawn');
  return methods;
}

/** The method of this process. Asking settles the default, as in Python. */
export function settleStartMethod(): StartMethod {
  own.startMethod ??= usableStartMethods()[0] ?? 'spawn';
  return own.startMethod;
}

/** A method's name that works here. @throws TypeError, RangeError, NotSupportedError. */
export function checkStartMethod(name: string, given: unknown): asserts given is StartMethod {
  if (typeof given !== 'string') throw invalidType(name, 'the name of a start method', given);
  if (!KNOWN.includes(given)) throw outOfRange(name, "one of 'fork', 'forkserver', 'spawn'", given);
  checkUsable(given as StartMethod);
}

export function checkUsable(method: StartMethod): void {
  if (method === 'forkserver') {
    throw new NotSupportedError(
      "the start method 'forkserver' is not there yet: use 'fork' or 'spawn'",
    );
  }
  const reason = method === 'fork' ? forkUnavailable() : spawnUnavailable();
  if (reason === undefined) return;
  if (method === 'spawn') {
    const wayOut = forkUnavailable() === undefined ? "; or use 'fork'" : '';
    throw new NotSupportedError(`the start method 'spawn' cannot be used here: ${reason}${wayOut}`);
  }
  const spawnRefused = spawnUnavailable();
  const wayOut = spawnRefused === undefined ? "use 'spawn'" : `nor can 'spawn': ${spawnRefused}`;
  throw new ForkUnavailableError(
    `the start method 'fork' cannot be used here: ${reason}; ${wayOut}`,
  );
}
