import type { Wait } from '../../../base/options.js';
import { SyncOutcome, type Begun, type LockHandle, type LockRequest } from '../../sync-contract.js';
import { NativeHandle, aborted, waitFailed } from './handle.js';

function packed({ holder, takeAbandoned }: LockRequest): number {
  return 2 * holder + (takeAbandoned ? 1 : 0);
}

export class NativeLock extends NativeHandle implements LockHandle {
  acquire(request: LockRequest, wait: Wait): Begun {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (wait.timeout === 0) {
      return this.native.lockTry(this.id, packed(request)) || SyncOutcome.TimedOut;
    }
    try {
      return this.waits.settle(this.native.lockAsync(this.id, packed(request)), this, wait);
    } catch (error) {
      throw waitFailed(error);
    }
  }

  acquireSync(request: LockRequest, timeoutMs: number): SyncOutcome {
    return this.native.lockSync(this.id, packed(request), timeoutMs);
  }

  release(_holder: number): boolean {
    return this.native.lockRelease(this.id);
  }

  locked(): boolean {
    return this.native.lockLocked(this.id);
  }

  count(holder: number): number {
    return this.native.lockHeldHere(this.id, holder) ? 1 : 0;
  }

  abandonedPid(): number {
    return this.native.lockAbandonedPid(this.id);
  }
}

export class NativeRLock extends NativeHandle implements LockHandle {
  acquire(request: LockRequest, wait: Wait): Begun {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (wait.timeout === 0) {
      return this.native.rlockTry(this.id, packed(request)) || SyncOutcome.TimedOut;
    }
    try {
      return this.waits.settle(this.native.rlockAsync(this.id, packed(request)), this, wait);
    } catch (error) {
      throw waitFailed(error);
    }
  }

  acquireSync(request: LockRequest, timeoutMs: number): SyncOutcome {
    return this.native.rlockSync(this.id, packed(request), timeoutMs);
  }

  release(holder: number): boolean {
    return this.native.rlockRelease(this.id, holder);
  }

  locked(): boolean {
    return this.native.lockLocked(this.id);
  }

  count(holder: number): number {
    return this.native.rlockCount(this.id, holder);
  }

  abandonedPid(): number {
    return this.native.lockAbandonedPid(this.id);
  }
}
