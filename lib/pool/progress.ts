/** How far a map or an iteration is: told to its `onProgress`, and shown by its bar. */
import type { MapOptions } from './pool-options.js';
import { ProgressBar } from './progress-bar.js';
import { callBack } from './results.js';

export interface Progress {
  /** Items whose task has ended, in whatever way. */
  readonly done: number;
  /** Of these, the ones that failed. An error in a chunk of a map fails all of the chunk; imap tells item by item. */
  readonly failed: number;
  /** All items; undefined where that is not known. */
  readonly total: number | undefined;
}

export class ProgressMeter {
  readonly #onProgress: MapOptions['onProgress'];
  readonly #total: number | undefined;
  readonly #bar: ProgressBar | undefined;
  #done = 0;
  #failed = 0;

  constructor({ onProgress, progress }: MapOptions, total: number | undefined) {
    this.#onProgress = onProgress;
    this.#total = total;
    this.#bar = ProgressBar.show(progress, total);
  }

  add(done: number, failed: number): void {
    this.#done += done;
    this.#failed += failed;
    if (this.#onProgress === undefined && this.#bar === undefined) return;
    const progress = { done: this.#done, failed: this.#failed, total: this.#total };
    this.#bar?.update(progress);
    callBack(this.#onProgress, progress);
  }

  end(): void {
    this.#bar?.end();
  }
}

/** How many items it gives, where it says so itself. */
export function sizeOf(items: object): number | undefined {
  const { length, size } = items as { length?: unknown; size?: unknown };
  if (typeof length === 'number') return length;
  return typeof size === 'number' ? size : undefined;
}
