import type { Wait } from '../../../base/options.js';
import {
  SyncOutcome,
  type Arrival,
  type BarrierHandle,
  type Begun,
  type ConditionHandle,
  type EventHandle,
  type SemaphoreHandle,
} from '../../sync-contract.js';
import { NativeHandle, aborted, waitFailed } from './handle.js';
import { INDEX_SHIFT, OUTCOME_MASK, tried, type Ending } from './waits.js';

export class NativeSemaphore extends NativeHandle implements SemaphoreHandle {
  acquire(wait: Wait): Begun {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (wait.timeout === 0) return tried(this.native.semaphoreTry(this.id));
    try {
      return this.waits.settle(this.native.semaphoreAsync(this.id), this, wait);
    } catch (error) {
      throw waitFailed(error);
    }
  }

  acquireSync(timeoutMs: number): SyncOutcome {
    return this.native.semaphoreSync(this.id, timeoutMs) ?? SyncOutcome.Done;
  }

  release(permits: number): boolean {
    return this.native.semaphoreRelease(this.id, permits) ?? true;
  }

  value(): number {
    return this.native.semaphoreValue(this.id);
  }
}

export class NativeCondition extends NativeHandle implements ConditionHandle {
  wait(release: () => void, wait: Wait): Begun {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    let begun: number;
    try {
      begun = this.native.conditionAsync(this.id);
    } catch (error) {
      throw waitFailed(error);
    }
    try {
      release();
    } catch (error) {
      this.native.cancel(-begun);
      throw error;
    }
    if (wait.timeout === 0) return this.native.expire(-begun);
    return this.waits.settle(begun, this, wait);
  }

  waitSync(release: () => void, timeoutMs: number): SyncOutcome {
    return this.native.conditionSync(this.id, release, timeoutMs) ?? SyncOutcome.Done;
  }

  checkBlocking(): void {
    // A thread can always be blocked here.
  }

  notify(count: number): void {
    this.native.conditionNotify(this.id, count);
  }
}

export class NativeEvent extends NativeHandle implements EventHandle {
  set(): void {
    this.native.eventSet(this.id);
  }

  clear(): void {
    this.native.eventClear(this.id);
  }

  isSet(): boolean {
    return this.native.eventIsSet(this.id);
  }

  wait(wait: Wait): Begun {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (wait.timeout === 0) return this.isSet() ? SyncOutcome.Done : SyncOutcome.TimedOut;
    try {
      return this.waits.settle(this.native.eventAsync(this.id), this, wait);
    } catch (error) {
      throw waitFailed(error);
    }
  }

  waitSync(timeoutMs: number): SyncOutcome {
    return this.native.eventSync(this.id, timeoutMs) ?? SyncOutcome.Done;
  }
}

function arrival(answer: number): Arrival {
  return { outcome: answer & OUTCOME_MASK, index: answer >> INDEX_SHIFT };
}

export class NativeBarrier extends NativeHandle implements BarrierHandle {
  readonly #ending: Ending<Arrival> = {
    value: (outcome, index) => ({ outcome, index }),
    abortExpires: true,
    // Nobody will run the action.
    unwanted: (outcome, index) => {
      if (outcome === SyncOutcome.Leader) this.finish(index, false);
    },
  };

  get parties(): number {
    return this.native.barrierParties(this.id);
  }

  wait(wait: Wait): Arrival | Promise<Arrival> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    let begun: number;
    try {
      begun = this.native.barrierAsync(this.id) ?? SyncOutcome.Done;
    } catch (error) {
      throw waitFailed(error);
    }
    if (begun >= 0) return arrival(begun);
    if (wait.timeout === 0) return arrival(this.native.expire(-begun));
    return this.waits.add(-begun, this, wait, this.#ending);
  }

  waitSync(timeoutMs: number): Arrival {
    return arrival(this.native.barrierSync(this.id, timeoutMs));
  }

  finish(led: number, opens: boolean): boolean {
    return opens
      ? this.native.barrierFinish(this.id, led)
      : this.native.barrierBreakPhase(this.id, led);
  }

  abort(): void {
    this.native.barrierAbort(this.id);
  }

  reset(): void {
    this.native.barrierReset(this.id);
  }

  waiting(): number {
    return this.native.barrierWaiting(this.id);
  }

  broken(): boolean {
    return this.native.barrierBroken(this.id);
  }
}
