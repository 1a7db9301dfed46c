import type { WorkerHandle } from './worker-handle.js';

/** The ways to end, a firmer one after a gentler. */
const WAYS = { stop: 0, terminate: 1, kill: 2 };

export type Way = keyof typeof WAYS;

/** Tells a worker to end: once in each way, and when there is a process to tell. */
export class Farewell {
  readonly #handle: Pick<WorkerHandle, Way>;
  #way: Way | undefined;
  #launched = false;

  constructor(handle: Pick<WorkerHandle, Way>) {
    this.#handle = handle;
  }

  /** There is a process. */
  launched(): void {
    this.#launched = true;
    this.#tell();
  }

  get isLaunched(): boolean {
    return this.#launched;
  }

  say(way: Way): void {
    if (this.#way !== undefined && WAYS[way] <= WAYS[this.#way]) return;
    this.#way = way;
    this.#tell();
  }

  #tell(): void {
    if (this.#launched && this.#way !== undefined) this.#handle[this.#way]();
  }
}
