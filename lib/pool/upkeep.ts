/** Whether a worker that has ended, or could not be started, is replaced, when, and when the pool cannot go on. */
import { log } from '../base/log.js';
import type { ExitStatus } from '../backend/contract.js';
import { CrashLimit } from './crash-limit.js';
import { endOf, isPassingShortage, workerDied } from './deaths.js';
import type { PoolWorker } from './pool-worker.js';
import type { StatsCounter } from './stats.js';

/** Before a start is tried again that failed for want of descriptors, processes or memory; twice as long each time. */
const SHORTAGE_PAUSE_MS = 100;
const SHORTAGE_PAUSE_AT_MOST_MS = 1_600;

/** So often in a row it is tried while there is no worker: for three seconds at least. */
const TRIES_WITHOUT_WORKERS = 6;

export interface UpkeepOwner {
  readonly size: number;
  readonly stats: StatsCounter;
  /** There are processes that take tasks, or have some. */
  hasWorkers(): boolean;
  /** Starts what is missing. */
  fill(): void;
  giveUp(reason: string, cause: unknown): void;
}

export class Upkeep {
  readonly #owner: UpkeepOwner;
  readonly #crashes: CrashLimit;
  #shortageTimer: NodeJS.Timeout | undefined;
  #shortagePauseMs = SHORTAGE_PAUSE_MS;
  #triesWithoutWorkers = 0;

  constructor(owner: UpkeepOwner) {
    this.#owner = owner;
    this.#crashes = new CrashLimit(owner.size);
  }

  workerReady(): void {
    this.#shortagePauseMs = SHORTAGE_PAUSE_MS;
    this.#triesWithoutWorkers = 0;
    this.#crashes.workerReady();
  }

  /** A task has been settled by a worker. */
  progressed(): void {
    this.#crashes.progressed();
  }

  startFailed(error: unknown): void {
    if (isPassingShortage(error)) this.#fillLater(error);
    else this.#owner.giveUp(`a worker could not be started${because(error)}`, error);
  }

  /** A death that settles a task is paid for by that task. Others must not become too many. */
  died(worker: PoolWorker, status: ExitStatus, settlesTask: boolean): void {
    if (settlesTask) this.#crashes.progressed();
    if (worker.state === 'leaving') return;
    this.#owner.stats.restarted++;
    const reason = this.#whyNotReplace(worker, status, settlesTask);
    if (reason === undefined) return;
    const death = workerDied(worker, status);
    const words = worker.isInitializing ? reason : `${reason}, the last one so: ${death.message}`;
    this.#owner.giveUp(words, death);
  }

  /** There is nothing more to keep up. */
  stop(): void {
    clearTimeout(this.#shortageTimer);
  }

  #whyNotReplace(worker: PoolWorker, status: ExitStatus, settlesTask: boolean): string | undefined {
    if (worker.isInitializing)
      return `${worker.describe()} ended in its initializer: it ${endOf(status)}`;
    if (settlesTask || worker.finishedAny || worker.condemned) return undefined;
    return worker.state === 'ready' ? this.#crashes.diedIdle() : this.#crashes.diedBeforeReady();
  }

  /** A shortage does not end a pool while it has workers. */
  #fillLater(error: unknown): void {
    const hasWorkers = this.#owner.hasWorkers();
    if (this.#shortageTimer === undefined) {
      this.#triesWithoutWorkers = hasWorkers ? 0 : this.#triesWithoutWorkers + 1;
      if (this.#triesWithoutWorkers >= TRIES_WITHOUT_WORKERS) {
        const times = String(this.#triesWithoutWorkers);
        this.#owner.giveUp(`no worker could be started, ${times} times${because(error)}`, error);
        return;
      }
      log('a worker could not be started, trying again: %o', error);
      this.#shortageTimer = setTimeout(() => {
        this.#shortageTimer = undefined;
        this.#owner.fill();
      }, this.#shortagePauseMs);
      this.#shortagePauseMs = Math.min(2 * this.#shortagePauseMs, SHORTAGE_PAUSE_AT_MOST_MS);
    }
    // Those at work keep the program alive by themselves, and idle ones do not.
    if (hasWorkers) this.#shortageTimer.unref();
    else this.#shortageTimer.ref();
  }
}

function because(error: unknown): string {
  return error instanceof Error ? `: ${error.message}` : '';
}
