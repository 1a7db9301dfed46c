/**
 * A hold on a lock or a semaphore, for `using guard = await lock.hold()`. Released once: by the end of the block, by
 * `release()`, or not at all when neither comes. For a reentrant lock it can be used as `{ holder: guard }`.
 */
export class Guard implements Disposable {
  #release: (() => void) | undefined;

  /** @internal */
  constructor(release: () => void) {
    this.#release = release;
  }

  /** Whether it has been released. */
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
}
