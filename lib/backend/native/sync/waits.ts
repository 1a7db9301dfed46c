import { AfterForkOrder, resetAfterFork } from '../../../base/after-fork.js';
import type { Wait } from '../../../base/options.js';
import { PendingWait } from '../../../base/wait.js';
import { SyncOutcome, type Begun } from '../../sync-contract.js';
import type { Answer, NativeSync } from '../sync-addon.js';

/** So many waits are told of in one call. */
const RESULTS_AT_ONCE = 256;
const NUMBERS_PER_RESULT = 3;

/** Where an answer has the index of an arrival at a barrier; elsewhere that is 0. */
export const INDEX_SHIFT = 3;
export const OUTCOME_MASK = 7;

interface Waiting {
  /** Reachable as long as it is waited for. */
  readonly handle: object;
  readonly served: (outcome: SyncOutcome, index: number) => void;
}

/** How the waits of a kind of object end. */
export interface Ending<T> {
  /** What the promise resolves with; what it throws, the promise rejects with. */
  readonly value: (outcome: SyncOutcome, index: number, id: number) => T;
  /** A signal ends a wait as its timeout does, and not without a trace. */
  readonly abortExpires: boolean;
  /** What a wait had been served with that its signal ended in this way. */
  readonly unwanted?: (outcome: SyncOutcome, index: number) => void;
}

const PLAIN: Ending<SyncOutcome> = { value: (outcome) => outcome, abortExpires: false };

/** Of a try, which is in vain rather than to be waited for. */
export function tried(answer: Answer): SyncOutcome {
  if (answer === undefined) return SyncOutcome.Done;
  return answer === 0 ? SyncOutcome.TimedOut : answer;
}

/** The async waits of this thread that have begun and not ended. */
export class Waits {
  readonly #native: NativeSync;
  readonly #results = new Int32Array(RESULTS_AT_ONCE * NUMBERS_PER_RESULT);
  #waiting = new Map<number, Waiting>();

  constructor(native: NativeSync) {
    this.#native = native;
    native.listen((count) => {
      this.#serve(count);
    }, this.#results);
    // They are the parent's, and never settle here.
    resetAfterFork(AfterForkOrder.Handles, (occasion) => {
      if (occasion !== 'rehearsal') this.#waiting = new Map();
    });
  }

  /** What an operation has answered natively: an outcome, or minus the number of a wait that has begun. */
  settle(answer: Answer, handle: object, wait: Wait): Begun {
    if (answer === undefined) return SyncOutcome.Done;
    return answer < 0 ? this.add(-answer, handle, wait, PLAIN) : answer;
  }

  /** Calls back once, from the event loop. Nothing else ends it but `cancel`. */
  call(id: number, handle: object, served: () => void): void {
    this.#waiting.set(id, { handle, served });
  }

  /** Of `call`: it is not called any more. */
  cancel(id: number): void {
    if (this.#waiting.delete(id)) this.#native.cancel(id);
  }

  /** Under its number. */
  add<T>(id: number, handle: object, wait: Wait, ending: Ending<T>): Promise<T> {
    const served = (outcome: SyncOutcome, index: number): void => {
      let value: T;
      try {
        value = ending.value(outcome, index, id);
      } catch (error) {
        pending.reject(error);
        return;
      }
      pending.resolve(value);
    };
    this.#waiting.set(id, { handle, served });
    const pending: PendingWait<T> = new PendingWait<T>(
      wait,
      () => {
        // In the child of fork(), which has its parent's timers, there is no such wait.
        const answer = this.#waiting.delete(id) ? this.#native.expire(id) : SyncOutcome.TimedOut;
        return ending.value(answer & OUTCOME_MASK, answer >> INDEX_SHIFT, id);
      },
      undefined,
      () => {
        if (!this.#waiting.delete(id)) return undefined;
        if (ending.abortExpires) {
          const answer = this.#native.expire(id);
          ending.unwanted?.(answer & OUTCOME_MASK, answer >> INDEX_SHIFT);
          return undefined;
        }
        // Given up while others were told that they have been served, and served with them.
        const outcome: SyncOutcome = this.#native.cancel(id) & OUTCOME_MASK;
        return outcome === SyncOutcome.TimedOut ? undefined : () => ending.value(outcome, 0, id);
      },
    );
    return pending.promise;
  }

  #serve(count: number): void {
    const results = this.#results;
    for (let at = 0; at < count * NUMBERS_PER_RESULT; at += NUMBERS_PER_RESULT) {
      const id = results[at]!;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      try {
        waiting?.served(results[at + 1]!, results[at + 2]!);
      } catch (error) {
        // Of whoever was called. The others have been served as well, and nobody would tell them again.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
