/**
 * How many workers a fresh pool starts where a start holds up the program: one, and the others when that one is not done with the work
 * by the time that one more fork would have taken. (The ski rental problem: whoever rents until the rent has cost as much as to buy
 * pays at most twice what was best.) So a pool for a moment forks one worker; in any other the first one is at work while the others
 * are forked, and not only after.
 */

/** Milliseconds of work after which more workers are worth it: what the start of the first one took, within these. */
const WORTH_AT_LEAST_MS = 1;
const WORTH_AT_MOST_MS = 10;

/** Milliseconds after which the others do not wait for the first to come up. */
const PATIENCE_MS = 20;

export interface OneFirstOwner {
  /** Somebody waits for a task. */
  hasTasks(): boolean;
  /** Now all may be started. */
  onAll(): void;
}

export class OneFirst {
  readonly #owner: OneFirstOwner;
  #isOver = false;
  #isAtWork = false;
  #begunAt = 0;
  #worthMs = WORTH_AT_LEAST_MS;
  #timer: NodeJS.Timeout | undefined;

  constructor(owner: OneFirstOwner) {
    this.#owner = owner;
  }

  /** So many workers may be there, of a pool of that size. */
  most(size: number): number {
    return this.#isOver ? size : 1;
  }

  /** The first one is being started. */
  begun(): void {
    this.#begunAt = performance.now();
    this.#wait(PATIENCE_MS);
  }

  /** There is a process. */
  launched(): void {
    const tookMs = performance.now() - this.#begunAt;
    this.#worthMs = Math.min(Math.max(tookMs, WORTH_AT_LEAST_MS), WORTH_AT_MOST_MS);
  }

  /** The first one has come up, and has its first task. */
  atWork(): void {
    this.#isAtWork = true;
    this.#wait(this.#worthMs);
    this.settled();
  }

  /** A task has settled. After the last one, whoever waited for it closes the pool first, or brings more. */
  settled(): void {
    if (this.#isOver || !this.#isAtWork || this.#owner.hasTasks()) return;
    setImmediate(() => {
      this.#finish();
    });
  }

  /** Nobody waits for the first one: an initializer may take long, all are asked for, or the first one has ended. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#finish();
    }, ms).unref();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.end();
    this.#owner.onAll();
  }
}
