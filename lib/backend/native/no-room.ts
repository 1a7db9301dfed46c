import { isRawSystemError, systemError } from '../system-error.js';

/** Why nothing could be made: the system's error, and what helps when all places in shared memory are taken. */
export function noRoom(what: string, error: unknown): unknown {
  const full = isRawSystemError(error) && error.code === 'ENOSPC' && error.syscall === 'Claim';
  if (!full) return systemError(what, error);
  const remedy = 'what nobody can reach any more is let go of while the event loop turns';
  return systemError(`${what}, all places for such objects are taken (${remedy})`, error);
}
