import { throwIfAborted } from '../../base/abort-signal.js';
import type { Deadline } from '../../base/deadline.js';
import type { Wait } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import type { Addon, NativePeer } from '../addon.js';
import type { PeerProcess } from '../contract.js';

/** Another process, held by pidfd. */
export class HeldPeer implements PeerProcess {
  readonly #native: NativePeer;
  readonly #waiting = new Set<PendingWait<boolean>>();

  constructor(addon: Addon, pid: number) {
    this.#native = new addon.NativePeer(pid);
  }

  isAlive(): boolean {
    return this.#native.isAlive();
  }

  async wait(wait: Wait): Promise<boolean> {
    throwIfAborted(wait.signal);
    if (!this.isAlive()) return true;
    if (wait.timeout === 0) return false;
    const pending: PendingWait<boolean> = new PendingWait<boolean>(
      wait,
      () => false,
      () => {
        this.#waiting.delete(pending);
        if (this.#waiting.size === 0) this.#native.unwatch();
      },
    );
    this.#waiting.add(pending);
    this.#native.watch(() => {
      for (const waiting of [...this.#waiting]) waiting.resolve(true);
    });
    return pending.promise;
  }

  waitSync(deadline: Deadline): boolean {
    return this.#native.waitSync(deadline.remainingMs());
  }

  release(): void {
    this.#native.release();
  }
}
