import { refusePromise } from './reports.js';

/**
 * A hold on a lock or a semaphore, for `using guard = await lock.hold()`. Released once: by the end of the block, by
 * `release()`, or not at all when neither comes. For a reentrant lock it can be used as `{ holder: guard }`.
 *
 * When the lock was lost in a wait of a Condition (LockAbandonedError), there is nothing to release any more.
 */
export class Guard implements Disposable {
  #release: (() => void) | undefined;

  /** @internal */
  constructor(release: () => void) {
    this.#release = release;
  }

  /** Whether it has been released, or lost. */
  get released(): boolean {
    return this.#release === undefined;
  }

  /** Releases it now. A second time does nothing. Never waits. */
  release(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** What it was for is no longer here, and may be another's. @internal */
  static lose(guard: Guard): void {
    guard.#release = undefined;
  }
}

/** Releases when the body has settled. An error of the body's comes through whatever the release does: it went wrong first. */
export async function runGuarded<T>(guard: Guard, body: () => T | PromiseLike<T>): Promise<T> {
  let result: T;
  try {
    result = await body();
  } catch (error) {
    releaseAfterError(guard);
    throw error;
  }
  guard.release();
  return result;
}

/** The same for a body that returns without a promise. */
export function runGuardedSync<T>(guard: Guard, body: () => T): T {
  let result: T;
  try {
    result = refusePromise(body());
  } catch (error) {
    releaseAfterError(guard);
    throw error;
  }
  guard.release();
  return result;
}

function releaseAfterError(guard: Guard): void {
  try {
    guard.release();
  } catch {
    // The body's error says what went wrong.
  }
}
