/** Whether a worker that has ended, or could not be started, is replaced, when, and when the pool cannot go on. */
import { log } from '../base/log.js';
import type { ExitStatus } from '../backend/contract.js';
import { CrashLimit } from './crash-limit.js';
import { endOf, isPassingShortage, workerDied } from './deaths.js';
import type { PoolWorker } from './pool-worker.js';
import type { StatsCounter } from './stats.js';

/** Before a start is tried again that failed for want of descriptors, processes or memory. */
const SHORTAGE_PAUSE_MS = 100;

export interface UpkeepOwner {
  readonly size: number;
  readonly stats: StatsCounter;
  /** Starts what is missing. */
  fill(): void;
  giveUp(reason: string, cause: unknown): void;
}

export class Upkeep {
  readonly #owner: UpkeepOwner;
  readonly #crashes: CrashLimit;
  #shortageTimer: NodeJS.Timeout | undefined;

  constructor(owner: UpkeepOwner) {
    this.#owner = owner;
    this.#crashes = new CrashLimit(owner.size);
  }

  workerReady(): void {
    this.#crashes.workerReady();
  }

  /** A task has been settled by a worker. */
  progressed(): void {
    this.#crashes.progressed();
  }

  startFailed(error: unknown): void {
    const why = error instanceof Error ? `: ${error.message}` : '';
    const reason = isPassingShortage(error)
      ? this.#crashes.diedBeforeReady()
      : `a worker could not be started${why}`;
    if (reason !== undefined) this.#owner.giveUp(reason, error);
    else this.#fillLater(error);
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

  #fillLater(error: unknown): void {
    log('a worker could not be started, trying again: %o', error);
    this.#shortageTimer ??= setTimeout(() => {
      this.#shortageTimer = undefined;
      this.#owner.fill();
    }, SHORTAGE_PAUSE_MS);
  }
}
