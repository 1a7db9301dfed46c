import path from 'node:path';
import { Piscina } from 'piscina';
import { main } from './measure.mjs';
import { measuresOf } from './peer-pool.mjs';

const filename = path.join(import.meta.dirname, 'piscina-worker.mjs');

await main(
  measuresOf((workers) => {
    const pool = new Piscina({ filename, minThreads: workers, maxThreads: workers });
    return { run: (item, name) => pool.run(item, { name }), end: () => pool.destroy() };
  }),
);
