/**
 * What stands in a worker's line, counted. Only tasks may be taken back from there: what else was sent has to arrive, and does when
 * a task that was sent after it has ended, as everything arrives in order.
 */
export class SentTasks {
  #sent = 0;
  #ended = 0;
  /** So many tasks had been sent before the last message that was none. */
  #barrier = -1;

  sent(): void {
    this.#sent++;
  }

  ended(): void {
    this.#ended++;
  }

  /** Only while `mayTakeBack`; or of a task that never went out. */
  takenBack(): void {
    this.#sent--;
  }

  /** Something else was sent. */
  barrier(): void {
    this.#barrier = this.#sent;
  }

  get mayTakeBack(): boolean {
    return this.#ended > this.#barrier;
  }
}
