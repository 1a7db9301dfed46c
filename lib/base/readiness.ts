import type { Wait } from './options.js';

/** The method by which `wait()` asks an object. Its users call `wait()`. */
export const READINESS: unique symbol = Symbol('multiprocessing.readiness');

/** What `wait()` accepts: a Connection, or the sentinel of a Process. */
export interface Waitable {
  /**
   * True when it is ready, which takes nothing from it; false when the timeout passed first. Rejects with the signal's reason, and
   * when it cannot become ready any more.
   * @internal
   */
  [READINESS](wait: Wait): Promise<boolean>;
}

export function isWaitable(value: unknown): value is Waitable {
  return typeof (value as Partial<Waitable> | null | undefined)?.[READINESS] === 'function';
}
