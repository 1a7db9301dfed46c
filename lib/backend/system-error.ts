import { SystemError } from '../errors.js';

/** What the addon and Node throw for a failed system call: a plain Error with Node's three properties. */
export interface RawSystemError extends Error {
  code: string;
  errno: number;
  syscall: string;
}

export function isRawSystemError(error: unknown): error is RawSystemError {
  return error instanceof Error && typeof (error as Partial<RawSystemError>).syscall === 'string';
}

/** Of a signal: to a process of another user. */
export function isNotPermitted(error: unknown): boolean {
  return error instanceof Error && (error as Partial<RawSystemError>).code === 'EPERM';
}

/** The same failure as one of our errors, told in the caller's words. Anything else passes unchanged. */
export function systemError(what: string, error: unknown): unknown {
  if (!isRawSystemError(error)) return error;
  const { code, errno, syscall } = error;
  return new SystemError(`${what}: ${error.message}`, { code, errno, syscall }, { cause: error });
}
