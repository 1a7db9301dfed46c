import type { Wait } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import { TimeoutError } from '../../errors.js';
import type { Liveness } from '../../base/liveness.js';

/**
 * A wait whose timeout or abort does not end it but begins its withdrawal: it settles when the other side has answered.
 * Keeps the event loop alive until then.
 */
export class Asked<T> {
  readonly owner: object;
  readonly promise: Promise<T>;
  /** Set by the timeout or the abort. */
  cancelling = false;
  timedOut = false;
  reason: unknown;
  readonly #wait: Wait;
  readonly #liveness: Liveness;
  #settle!: { resolve: (value: T) => void; reject: (reason: unknown) => void };
  #trigger: PendingWait<boolean> | undefined;
  #settled = false;

  constructor(owner: object, wait: Wait, liveness: Liveness) {
    this.owner = owner;
    this.#wait = wait;
    this.#liveness = liveness;
    this.promise = new Promise<T>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    liveness.hold();
  }

  /** `withdraw` runs once, when the timeout has passed or the signal fires; at once when the timeout is 0. */
  watch(withdraw: () => void): void {
    const { timeout, signal } = this.#wait;
    if (this.#settled || (timeout === undefined && signal === undefined)) return;
    const cancel = (reason: unknown, timedOut: boolean): void => {
      if (this.#settled) return;
      this.cancelling = true;
      this.timedOut = timedOut;
      this.reason = reason;
      withdraw();
    };
    const expire = (): void => {
      cancel(new TimeoutError(`nothing arrived within ${timeout ?? 0} ms`), true);
    };
    if (timeout === 0) {
      expire();
      return;
    }
    this.#trigger = new PendingWait<boolean>(this.#wait, () => true);
    this.#trigger.promise.then(
      (passed) => {
        if (passed) expire();
      },
      (reason: unknown) => {
        cancel(reason, false);
      },
    );
  }

  resolve(value: T): void {
    if (this.#finish()) this.#settle.resolve(value);
  }

  reject(reason: unknown): void {
    if (this.#finish()) this.#settle.reject(reason);
  }

  #finish(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#trigger?.resolve(false);
    this.#liveness.release();
    return true;
  }
}
