import type { Wait } from '../../../base/options.js';
import { SyncOutcome, type Begun, type LockHandle, type LockRequest } from '../../sync-contract.js';
import { NativeHandle, aborted, waitFailed } from './handle.js';
import { tried } from './waits.js';

/** A request to a reentrant lock, as a number. */
function packed({ holder, takeAbandoned }: LockRequest): number {
  return 2 * holder + (takeAbandoned ? 1 : 0);
}

export class NativeLock extends NativeHandle implements LockHandle {
  acquire(request: LockRequest, wait: Wait): Begun {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    const asked = this.#asked(request);
    if (wait.timeout === 0) return tried(this.native.lockTry(asked));
    try {
      return this.waits.settle(this.native.lockAsync(asked), this, wait);
    } catch (error) {
      throw waitFailed(error);
    }
  }

  acquireSync(request: LockRequest, timeoutMs: number): SyncOutcome {
    return this.native.lockSync(this.#asked(request), timeoutMs) ?? SyncOutcome.Done;
  }

  release(_holder: number): boolean {
    return this.native.lockRelease(this.id) ?? true;
  }

  locked(): boolean {
    return this.native.lockLocked(this.id);
  }

  abandoned(): boolean {
    return this.native.lockAbandoned(this.id);
  }

  count(holder: number): number {
    return this.native.lockHeldHere(this.id, holder) ? 1 : 0;
  }

  ownerPid(): number {
    return this.native.lockOwnerPid(this.id);
  }

  abandonedPid(): number {
    return this.native.lockAbandonedPid(this.id);
  }

  /** Who is to hold it does not matter: anybody may release it. */
  #asked({ takeAbandoned }: LockRequest): number {
    return 2 * this.id + (takeAbandoned ? 1 : 0);
  }
}

export class NativeRLock extends NativeHandle implements LockHandle {
  acquire(request: LockRequest, wait: Wait): Begun {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (wait.timeout === 0) return tried(this.native.rlockTry(this.id, packed(request)));
    try {
      return this.waits.settle(this.native.rlockAsync(this.id, packed(request)), this, wait);
    } catch (error) {
      throw waitFailed(error);
    }
  }

  acquireSync(request: LockRequest, timeoutMs: number): SyncOutcome {
    return this.native.rlockSync(this.id, packed(request), timeoutMs) ?? SyncOutcome.Done;
  }

  release(holder: number): boolean {
    return this.native.rlockRelease(this.id, holder) ?? true;
  }

  locked(): boolean {
    return this.native.lockLocked(this.id);
  }

  abandoned(): boolean {
    return this.native.lockAbandoned(this.id);
  }

  count(holder: number): number {
    return this.native.rlockCount(this.id, holder);
  }

  ownerPid(): number {
    return this.native.lockOwnerPid(this.id);
  }

  abandonedPid(): number {
    return this.native.lockAbandonedPid(this.id);
  }
}
