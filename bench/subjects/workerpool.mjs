import path from 'node:path';
import workerpool from 'workerpool';
import { main } from './measure.mjs';
import { measuresOf, measuresOfBoth } from './peer-pool.mjs';

const file = path.join(import.meta.dirname, 'workerpool-worker.mjs');

const make = (workerType) => (workers) => {
  const pool = workerpool.pool(file, { workerType, minWorkers: workers, maxWorkers: workers });
  return { run: (item, name) => pool.exec(name, [item]), end: () => pool.terminate() };
};

await main(measuresOfBoth(measuresOf(make('thread')), measuresOf(make('process'))));
