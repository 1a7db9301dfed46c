import path from 'node:path';
import workerpool from 'workerpool';
import { main } from './measure.mjs';
import { measuresOf } from './peer-pool.mjs';

const file = path.join(import.meta.dirname, 'workerpool-worker.mjs');

const make = (workerType) => (workers) => {
  const pool = workerpool.pool(file, { workerType, minWorkers: workers, maxWorkers: workers });
  return { run: (item) => pool.exec('nothing', [item]), end: () => pool.terminate() };
};
const threads = measuresOf(make('thread'));
const processes = measuresOf(make('process'));

await main({
  mapThreads: threads.map,
  runThreads: threads.run,
  mapProcesses: processes.map,
  runProcesses: processes.run,
});
