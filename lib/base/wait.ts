import { isAborted, reasonOf } from './abort-signal.js';
import { watchAbort } from './abort-watch.js';
import type { Wait } from './options.js';

/**
 * One pending wait of the event loop: settles once, by its event, its timeout or its signal, and leaves no timer and no
 * listener behind whichever came first. `onTimeout` decides the outcome (a value, or a throw).
 */
export class PendingWait<T> {
  readonly promise: Promise<T>;
  #settle!: { resolve: (value: T) => void; reject: (reason: unknown) => void };
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  #settled = false;
  readonly #onSettled: (() => void) | undefined;
  readonly #rescue: (() => (() => T) | undefined) | undefined;

  /**
   * `onSettled` runs exactly once, synchronously, before the promise's reactions: the place to take the wait off its queue.
   * `rescue` is asked before the promise is rejected: it may know of an outcome that came first, and how to get at it.
   */
  constructor(
    wait: Wait,
    onTimeout: () => T,
    onSettled?: () => void,
    rescue?: () => (() => T) | undefined,
  ) {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#onSettled = onSettled;
    this.#rescue = rescue;
    const { timeout, signal } = wait;
    if (signal !== undefined && isAborted(signal)) {
      this.reject(reasonOf(signal));
      return;
    }
    if (signal !== undefined) this.#unwatch = watchAbort(signal, this);
    this.#arm(timeout, onTimeout);
  }

  get settled(): boolean {
    return this.#settled;
  }

  resolve(value: T): void {
    if (this.#finish()) this.#settle.resolve(value);
  }

  reject(reason: unknown): void {
    const rescued = this.#settled ? undefined : this.#rescue?.();
    if (!this.#finish()) return;
    if (rescued === undefined) {
      this.#settle.reject(reason);
      return;
    }
    try {
      this.#settle.resolve(rescued());
    } catch (error) {
      this.#settle.reject(error);
    }
  }

  /** Node clamps longer timers to 1 ms, so a far deadline is walked in steps of this many milliseconds. */
  static readonly #longestTimerMs = 2 ** 31 - 1;

  #arm(timeoutMs: number | undefined, onTimeout: () => T): void {
    if (timeoutMs === undefined || timeoutMs === Infinity) return;
    const step = Math.min(timeoutMs, PendingWait.#longestTimerMs);
    this.#timer = setTimeout(() => {
      if (step < timeoutMs) {
        this.#arm(timeoutMs - step, onTimeout);
        return;
      }
      try {
        this.resolve(onTimeout());
      } catch (error) {
        this.reject(error);
      }
    }, Math.ceil(step));
  }

  #finish(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#onSettled?.();
    return true;
  }
}
