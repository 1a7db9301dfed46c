/** The deadline and the signal that a caller puts on a task or a job. */
import type { Wait } from '../base/options.js';
import { PendingWait } from '../base/wait.js';
import { TimeoutError } from '../errors.js';

const nothing = (): void => undefined;

/**
 * Calls `cut` at most once, with the error to fail with: the signal's reason, or a TimeoutError that says that `what` did what
 * it should not within the time. Returns what takes the limit off again.
 */
export function limit(
  wait: Wait,
  what: string,
  cut: (error: unknown) => void,
  failing = 'had no result within',
): () => void {
  if (wait.timeout === undefined && wait.signal === undefined) return nothing;
  const pending = new PendingWait<void>(wait, () => {
    throw new TimeoutError(`${what} ${failing} ${String(wait.timeout)} ms`);
  });
  pending.promise.catch(cut);
  return () => {
    pending.resolve();
  };
}
