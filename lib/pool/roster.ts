/** The workers of a pool: those at work or starting, and those on their way out. */
import type { OneFirst } from './one-first.js';
import { PoolWorker, type WorkerOwner } from './pool-worker.js';
import type { Task } from './task.js';
import type { WorkerFactory } from './worker-handle.js';

/** Workers that were terminated get this long before they are killed. */
const TERMINATE_GRACE_MS = 1_000;

export interface RosterOptions {
  readonly size: number;
  readonly createWorker: WorkerFactory;
  /** Workers are started when tasks wait for them, not all at once. */
  readonly onDemand?: boolean;
}

export class Roster {
  readonly #options: RosterOptions;
  readonly #owner: WorkerOwner;
  readonly #oneFirst: OneFirst | undefined;
  readonly #present = new Set<PoolWorker>();
  readonly #leaving = new Set<PoolWorker>();
  #listening = false;
  #held = false;
  #killTimer: NodeJS.Timeout | undefined;

  constructor(options: RosterOptions, owner: WorkerOwner, oneFirst?: OneFirst) {
    this.#options = options;
    this.#owner = owner;
    this.#oneFirst = oneFirst;
  }

  /** Those that are not told to end, oldest first. */
  get present(): ReadonlySet<PoolWorker> {
    return this.#present;
  }

  get isFull(): boolean {
    return this.missing === 0;
  }

  /**
   * As many are there, or on their way, as may be for the present (see one-first): nobody else can take what waits. On demand it is what
   * waits that others are started for, so nothing that they could take is given ahead.
   */
  get isComplete(): boolean {
    const { size, onDemand = false } = this.#options;
    return this.#present.size >= (onDemand ? size : this.#most);
  }

  /** So many workers fewer are there than there should be. */
  get missing(): number {
    return Math.max(0, this.#options.size - this.#present.size);
  }

  /** Those that may know functions with a higher number, and are on their way or have nothing to do. */
  fresherThan(horizon: number): number {
    let count = 0;
    for (const worker of this.#present)
      if (worker.state === 'starting' || (worker.idle && worker.horizon > horizon)) count++;
    return count;
  }

  /** Those that still have a task, told to end as they are, and all others; oldest first. */
  get atWork(): PoolWorker[] {
    return [...[...this.#leaving].filter((worker) => worker.load > 0), ...this.#present];
  }

  /**
   * Whether a busy worker may make room for a fresh one while it still runs its last task: one at a time. A pool of one keeps its
   * word that its tasks run one after the other.
   */
  get mayOverlap(): boolean {
    const { size } = this.#options;
    if (size === 1 || this.#present.size + this.#leaving.size >= 2 * size) return false;
    for (const worker of this.#leaving) if (worker.load > 0) return false;
    return true;
  }

  get isEmpty(): boolean {
    return this.#present.size === 0 && this.#leaving.size === 0;
  }

  /** As many as there should be, and all of them ready for tasks. */
  get isUp(): boolean {
    if (this.#present.size < this.#options.size) return false;
    return [...this.#present].every((worker) => worker.state === 'ready');
  }

  /** The worker that was given this task. */
  holderOf(task: Task): PoolWorker | undefined {
    return [...this.#present, ...this.#leaving].find((worker) => worker.has(task));
  }

  /** Starts what is missing. Those on their way out are processes as well: never more than twice the size in all. */
  fill(tasksWaiting: number): void {
    const { size, createWorker } = this.#options;
    const target = this.#target(tasksWaiting);
    while (this.#present.size < target && this.#present.size + this.#leaving.size < 2 * size) {
      const worker = new PoolWorker(createWorker(), this.#owner);
      this.#present.add(worker);
      worker.start();
      worker.listen(this.#listening);
      worker.holdUntilExit(this.#held);
      this.#oneFirst?.begun();
    }
    // Now somebody waits for an end, so it must not be slept through.
    if (this.#present.size < target) for (const worker of this.#leaving) worker.holdUntilExit(true);
  }

  /**
   * On demand as many as there are, and one more for every task that no worker is on its way for. What stands behind another one in a line
   * waits as well: it was given ahead when nobody was missing, and somebody may be now.
   */
  #target(tasksWaiting: number): number {
    const { onDemand = false } = this.#options;
    if (!onDemand) return this.#most;
    let toDo = tasksWaiting;
    for (const { state, load } of this.#present) {
      if (state === 'starting') toDo--;
      else toDo += Math.max(0, load - 1);
    }
    return Math.min(this.#most, this.#present.size + Math.max(0, toDo));
  }

  get #most(): number {
    const { size } = this.#options;
    return this.#oneFirst?.most(size) ?? size;
  }

  /** It gets nothing more, and ends when it has read that. */
  dismiss(worker: PoolWorker): void {
    this.#present.delete(worker);
    this.#leaving.add(worker);
    worker.stop();
  }

  /** It gets nothing more, and is told to end when it has done what it was given. */
  retire(worker: PoolWorker): void {
    this.#present.delete(worker);
    this.#leaving.add(worker);
    worker.retire();
  }

  /** Also those that were retired: nobody waits for what they still do. */
  dismissAll(): void {
    for (const worker of [...this.#present, ...this.#leaving]) this.dismiss(worker);
  }

  terminateAll(how: 'terminate' | 'kill'): void {
    for (const worker of this.#present) this.#leaving.add(worker);
    this.#present.clear();
    for (const worker of this.#leaving) worker.terminate(how);
    clearTimeout(this.#killTimer);
    if (this.isEmpty) return;
    this.#killTimer = setTimeout(() => {
      for (const worker of this.#leaving) worker.kill();
    }, TERMINATE_GRACE_MS).unref();
  }

  /** It has ended. */
  remove(worker: PoolWorker): void {
    this.#present.delete(worker);
    this.#leaving.delete(worker);
    if (this.isEmpty) clearTimeout(this.#killTimer);
  }

  /** Whether what they say is awaited, which keeps the event loop alive. */
  listen(on: boolean): void {
    this.#listening = on;
    for (const worker of this.atWork) worker.listen(on);
  }

  /** Whether their end is awaited, which keeps the event loop alive. */
  holdUntilExit(on: boolean): void {
    this.#held = on;
    for (const worker of [...this.#present, ...this.#leaving]) worker.holdUntilExit(on);
  }
}
