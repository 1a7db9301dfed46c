import path from 'node:path';
import { Tinypool } from 'tinypool';
import { main } from './measure.mjs';
import { measuresOf, measuresOfBoth } from './peer-pool.mjs';

const filename = path.join(import.meta.dirname, 'piscina-worker.mjs');

const make = (runtime, serialization) => (workers) => {
  const [minThreads, maxThreads] = [workers, workers];
  const pool = new Tinypool({ filename, runtime, serialization, minThreads, maxThreads });
  return { run: (item, name) => pool.run(item, { name }), end: () => pool.destroy() };
};

const both = measuresOfBoth(measuresOf(make('worker_threads')), measuresOf(make('child_process')));
// Its processes talk in JSON unless they are told otherwise, and a mebibyte of that takes a minute.
const { large } = measuresOf(make('child_process', 'advanced'));

await main({ ...both, largeProcesses: large });
