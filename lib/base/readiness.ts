import type { Wait } from './options.js';

/** Under this name an object answers what `wait()` and `waitSync()` need of it. */
export const READINESS = Symbol('node-multiprocessing.readiness');

/** What a blocked thread polls: a descriptor, and the events (`READABLE`, `WRITABLE`, or both) that are worth another look. */
export interface PolledDescriptor {
  readonly fd: number;
  readonly events: number;
  /** Nobody may ring it when somebody dies: after so many milliseconds a look is worth it in any case. */
  readonly safetyMs?: number;
}

export const READABLE = 1;
export const WRITABLE = 2;

/** How one object is waited for together with others. Nothing here takes anything from it. */
export interface Readiness {
  /** Is it ready at this instant? Undefined where only asking elsewhere can tell: then `wait` with a timeout of 0 does. */
  look(): boolean | undefined;
  /** True as soon as it is ready; false when the time was over. Keeps the event loop alive, and leaves nothing behind. */
  wait(wait: Wait): Promise<boolean>;
  /** This thread is about to block: what shows it that a look is worth it. @throws NotSupportedError where nothing can. */
  arm(): PolledDescriptor;
  /**
   * For an object whose descriptor rings only while it is armed, as the one doorbell of a thread does for all shared objects:
   * it is looked at once more when all are armed, and this is called after the thread has woken.
   */
  disarm?(): void;
}

/** What `wait()` accepts, besides sockets of `node:net`. */
export interface HasReadiness {
  /** For the package's own use. */
  [READINESS](): Readiness;
}
