// A dispatcher over fake workers.
import { afterEach, beforeEach, vi } from 'vitest';
import { WorkerSet, type WorkerSetOptions } from '../../../lib/pool/worker-set.js';
import { noteRunTime, type PoolFunction } from '../../../lib/pool/functions.js';
import { FakeFactory, poolFunction, turn, type FakeWorker } from './fake-workers.js';

export function makeSet(size: number, options: Partial<WorkerSetOptions> = {}) {
  const factory = new FakeFactory();
  const set = new WorkerSet({ name: 'the pool', size, createWorker: factory.create, ...options });
  const bootAll = async (horizon?: number): Promise<void> => {
    await turn();
    for (const worker of factory.all) if (worker.alive && !worker.isReady) worker.ready(horizon);
    await turn();
  };
  return { factory, set, bootAll };
}

/** The same, and what its workers have not begun can be taken back. */
export function open(...args: Parameters<typeof makeSet>): ReturnType<typeof makeSet> {
  const made = makeSet(...args);
  made.factory.givesBack = true;
  return made;
}

/** A function whose tasks are known to take so many milliseconds. */
export function short(ms = 0.01): PoolFunction {
  const fn = poolFunction();
  noteRunTime(fn, ms);
  return fn;
}

/** What a dispatcher does depends on how long tasks take, as it sees it: in each test of the file as long as the test says. */
export function useOwnTime(): { now: number } {
  const clock = { now: 0 };
  beforeEach(() => {
    clock.now = 1000;
    vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return clock;
}

export const at = (factory: FakeFactory, index: number): FakeWorker => factory.all[index]!;
