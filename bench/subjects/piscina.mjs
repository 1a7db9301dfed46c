import path from 'node:path';
import { Piscina } from 'piscina';
import { main, timeEach } from './measure.mjs';

function makePool(workers) {
  const filename = path.join(import.meta.dirname, 'piscina-worker.mjs');
  return new Piscina({ filename, minThreads: workers, maxThreads: workers });
}

async function withPool(workers, measure) {
  const pool = makePool(workers);
  await Promise.all(Array.from({ length: 1000 }, () => pool.run(1)));
  const samples = await measure(pool);
  await pool.destroy();
  return samples;
}

const map = ({ items, rounds, workers }) =>
  withPool(workers, async (pool) => {
    const list = Array(items).fill(1);
    const times = await timeEach(rounds, () => Promise.all(list.map((item) => pool.run(item))));
    return times.map((ms) => ms / items);
  });

const run = ({ rounds, workers }) =>
  withPool(workers, (pool) => timeEach(rounds, () => pool.run(1)));

await main({ map, run });
