/** What a pool tells about itself. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Task } from './task.js';

export interface PoolStats {
  /** Live worker processes, without those that are on their way out. */
  readonly workers: number;
  /** Workers that have a task. */
  readonly busy: number;
  /** Tasks that wait for a worker. A chunk of a map is one task. */
  readonly queued: number;
  readonly completed: number;
  readonly failed: number;
  /** Workers started in place of one that ended, for whatever reason. */
  readonly restarted: number;
  /** Tasks that were run again because their worker had died. */
  readonly retried: number;
  /** From the call until a worker began. */
  readonly waitMs: Distribution;
  /** From there until the result was here. */
  readonly runMs: Distribution;
}

/** Of milliseconds, to within a hundredth, over the life of the pool; all zero before the first. */
export interface Distribution {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * A day, in microseconds, and two figures: some 30 KB for each of the two histograms of a pool, where Node's own bounds take 360.
 * What takes longer counts as a day.
 */
const BOUNDS = { lowest: 1, highest: 86_400_000_000, figures: 2 };

export class StatsCounter {
  completed = 0;
  failed = 0;
  restarted = 0;
  retried = 0;
  readonly #waits = createHistogram(BOUNDS);
  readonly #runs = createHistogram(BOUNDS);

  taskEnded(task: Task, ok: boolean): void {
    if (ok) this.completed++;
    else this.failed++;
    if (task.startedAt === undefined) return;
    record(this.#waits, task.startedAt - task.queuedAt);
    record(this.#runs, performance.now() - task.startedAt);
  }

  snapshot(now: { workers: number; busy: number; queued: number }): PoolStats {
    return {
      ...now,
      completed: this.completed,
      failed: this.failed,
      restarted: this.restarted,
      retried: this.retried,
      waitMs: distribution(this.#waits),
      runMs: distribution(this.#runs),
    };
  }
}

/** In microseconds: a histogram counts whole numbers above zero. */
function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.min(BOUNDS.highest, Math.max(1, Math.round(ms * 1000))));
}

function distribution(histogram: RecordableHistogram): Distribution {
  const { count } = histogram;
  if (count === 0) return { count, min: 0, mean: 0, p50: 0, p90: 0, p99: 0, max: 0 };
  const percentile = (percent: number): number => histogram.percentile(percent) / 1000;
  return {
    count,
    min: histogram.min / 1000,
    mean: histogram.mean / 1000,
    p50: percentile(50),
    p90: percentile(90),
    p99: percentile(99),
    max: histogram.max / 1000,
  };
}
