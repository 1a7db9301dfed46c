import { listenForAbort, reasonOf, stopListeningForAbort } from './abort-signal.js';
import { AfterForkOrder, resetAfterFork } from './after-fork.js';

/** What is given up when its signal fires. */
export interface Abortable {
  reject(reason: unknown): void;
}

let watches = new WeakMap<AbortSignal, AbortWatch>();

resetAfterFork(AfterForkOrder.Handles, (kind) => {
  // The child of a Process has no timers of its parent's waits, and their signals are as silent. A twin keeps both.
  if (kind === 'clean') watches = new WeakMap();
});

/**
 * All that waits on one signal, in order, behind a single listener: Node warns of a leak where a signal has more than ten, and
 * walks over all of them to take one off.
 */
class AbortWatch {
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<Abortable>();

  readonly #onAbort = (): void => {
    if (!this.#isCurrent) return;
    watches.delete(this.#signal);
    const reason = reasonOf(this.#signal);
    for (const waiting of this.#waiting) waiting.reject(reason);
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    listenForAbort(signal, this.#onAbort);
  }

  add(waiting: Abortable): void {
    this.#waiting.add(waiting);
  }

  remove(waiting: Abortable): void {
    if (!this.#waiting.delete(waiting) || this.#waiting.size > 0) return;
    stopListeningForAbort(this.#signal, this.#onAbort);
    if (this.#isCurrent) watches.delete(this.#signal);
  }

  /** False for a watch of the parent in a forked child. */
  get #isCurrent(): boolean {
    return watches.get(this.#signal) === this;
  }
}

/** `waiting` is rejected with the signal's reason when it fires. Returns what takes it back, and may be called after that too. */
export function watchAbort(signal: AbortSignal, waiting: Abortable): () => void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = new AbortWatch(signal);
    watches.set(signal, watch);
  }
  watch.add(waiting);
  return () => {
    watch.remove(waiting);
  };
}
