/** Whose a pool is, and what stands on it: a process that was forked from its own has a copy of it, which nothing comes to. */
import { StateError } from '../errors.js';

/** @throws StateError in another process. `wayOut`: what to do there instead. */
export function checkOwner(owner: number, what: string, wayOut = 'make one'): void {
  if (owner === process.pid) return;
  throw new StateError(
    `${what} belongs to process ${String(owner)}: ${wayOut} in process ${String(process.pid)}`,
  );
}
