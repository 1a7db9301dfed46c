import path from 'node:path';
import { Tinypool } from 'tinypool';
import { main } from './measure.mjs';
import { measuresOf } from './peer-pool.mjs';

const filename = path.join(import.meta.dirname, 'piscina-worker.mjs');

const make = (runtime) => (workers) => {
  const pool = new Tinypool({ filename, runtime, minThreads: workers, maxThreads: workers });
  return { run: (item) => pool.run(item), end: () => pool.destroy() };
};
const threads = measuresOf(make('worker_threads'));
const processes = measuresOf(make('child_process'));

await main({
  mapThreads: threads.map,
  runThreads: threads.run,
  mapProcesses: processes.map,
  runProcesses: processes.run,
});
