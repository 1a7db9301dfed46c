// A dispatcher over fake workers.
import { WorkerSet } from '../../../lib/pool/worker-set.js';
import { FakeFactory, turn, type FakeWorker } from './fake-workers.js';

export function makeSet(
  size: number,
  options: { maxTasksPerChild?: number; onDemand?: boolean } = {},
) {
  const factory = new FakeFactory();
  const set = new WorkerSet({ name: 'the pool', size, createWorker: factory.create, ...options });
  const bootAll = async (horizon?: number): Promise<void> => {
    await turn();
    for (const worker of factory.all) if (worker.alive && !worker.isReady) worker.ready(horizon);
    await turn();
  };
  return { factory, set, bootAll };
}

export const at = (factory: FakeFactory, index: number): FakeWorker => factory.all[index]!;
