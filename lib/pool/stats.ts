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
  /** From the call until a worker began. */
  readonly waitMs: { readonly p50: number; readonly p99: number };
  /** From there until the result was here. */
  readonly runMs: { readonly p50: number; readonly p99: number };
}

export class StatsCounter {
  completed = 0;
  failed = 0;
  restarted = 0;
  readonly #waits = createHistogram();
  readonly #runs = createHistogram();

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
      waitMs: percentiles(this.#waits),
      runMs: percentiles(this.#runs),
    };
  }
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)));
}

function percentiles(histogram: RecordableHistogram): { p50: number; p99: number } {
  if (histogram.count === 0) return { p50: 0, p99: 0 };
  return { p50: histogram.percentile(50) / 1000, p99: histogram.percentile(99) / 1000 };
}
