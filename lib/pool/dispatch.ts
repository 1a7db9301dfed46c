/** Who gets which task when. */
import type { PoolWorker } from './pool-worker.js';
import type { Roster } from './roster.js';
import type { StatsCounter } from './stats.js';
import { TaskQueue } from './task-queue.js';

export interface DispatchOptions {
  readonly maxTasksPerChild?: number | undefined;
  /** Tasks that may wait for a worker. */
  readonly maxQueue?: number | undefined;
}

export class Dispatch {
  readonly queue = new TaskQueue();
  readonly #roster: Roster;
  readonly #stats: StatsCounter;
  readonly #maxTasksPerChild: number;
  readonly #maxQueue: number;

  constructor(roster: Roster, stats: StatsCounter, options: DispatchOptions) {
    this.#roster = roster;
    this.#stats = stats;
    this.#maxTasksPerChild = options.maxTasksPerChild ?? Infinity;
    this.#maxQueue = options.maxQueue ?? Infinity;
  }

  /** Idle workers first; then, when no more can be started, one task ahead for those whose present one is about to end. */
  run(): void {
    if (this.queue.length === 0) return;
    for (const worker of this.#roster.present) if (worker.idle) this.#giveNext(worker);
    if (this.queue.length === 0) return;
    if (this.#roster.isFull)
      for (const worker of this.#roster.present) if (worker.endsSoon) this.#giveNext(worker);
    this.#renewStale();
  }

  /** It has nothing to do and should get nothing more: another one takes its place. */
  replaceSpent(worker: PoolWorker): void {
    if (worker.idle && this.#isSpent(worker)) this.#replace(worker);
  }

  /** So many tasks more may come: those that idle workers take at once do not wait. */
  room(): number {
    if (this.#maxQueue === Infinity) return Infinity;
    const idle = [...this.#roster.present].filter((worker) => worker.idle).length;
    return this.#maxQueue + idle - this.queue.length;
  }

  /** In words, for who has found no room. */
  describe(): string {
    return `${String(this.queue.length)} of at most ${String(this.#maxQueue)} tasks wait`;
  }

  #isSpent(worker: PoolWorker): boolean {
    return worker.given >= this.#maxTasksPerChild || worker.outgrown;
  }

  #giveNext(worker: PoolWorker): void {
    if (this.#isSpent(worker)) return;
    const task = this.queue.take(worker.horizon);
    if (task !== undefined) worker.give(task);
  }

  /** Workers that are idle although tasks wait were born before those tasks' functions were known: fork new ones. */
  #renewStale(): void {
    let wanted = this.queue.length;
    if (wanted === 0) return;
    for (const worker of this.#roster.present) if (worker.state === 'starting') wanted--;
    for (const worker of [...this.#roster.present])
      if (wanted > 0 && worker.idle) {
        this.#replace(worker);
        wanted--;
      }
  }

  #replace(worker: PoolWorker): void {
    this.#stats.restarted++;
    this.#roster.dismiss(worker);
    this.#roster.fill(this.queue.length);
  }
}
