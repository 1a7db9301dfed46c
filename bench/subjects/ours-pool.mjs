import { Pool, getContext } from 'node-multiprocessing';
import { lengthOf, nothing } from './functions.mjs';
import { checkAnswers, itemsOf, tasks } from './jobs.mjs';
import { main, timeEach } from './measure.mjs';

async function withPool(method, workers, measure) {
  const pool = new (getContext(method).Pool)(workers);
  await pool.map(nothing, Array(1000).fill(1), { chunkSize: 1 });
  const samples = await measure(pool);
  pool.close();
  await pool.join();
  return samples;
}

async function map(method, { items, rounds, workers }, options) {
  const list = Array(items).fill(1);
  return withPool(method, workers, async (pool) => {
    const times = await timeEach(rounds, () => pool.map(nothing, list, options));
    return times.map((ms) => ms / items);
  });
}

const apply = (method, { rounds, workers }) =>
  withPool(method, workers, (pool) => timeEach(rounds, () => pool.apply(nothing)));

const create = (startMethod, { rounds, slowRounds, workers }) =>
  timeEach(startMethod === 'fork' ? rounds : slowRounds, async () => {
    const pool = new Pool({ processes: workers, startMethod });
    await pool.map(nothing, [1, 2, 3, 4], { chunkSize: 1 });
    pool.close();
    await pool.join();
  });

const large = (method, { items, rounds, workers, bytes }) =>
  withPool(method, workers, async (pool) => {
    const list = Array(items).fill(new Uint8Array(bytes));
    const times = await timeEach(rounds, () => pool.map(lengthOf, list, { chunkSize: 1 }));
    return times.map((ms) => ms / items);
  });

const job = (method, size) =>
  withPool(method, size.workers, async (pool) => {
    const items = itemsOf[size.job](size);
    const times = await timeEach(size.rounds, async () => {
      checkAnswers(await pool.map(tasks[size.job], items, { chunkSize: 1 }), size, items);
    });
    return times.map((ms) => ms / items.length);
  });

await main({
  mapFork: (size) => map('fork', size, { chunkSize: 1 }),
  mapSpawn: (size) => map('spawn', size, { chunkSize: 1 }),
  mapAutomatic: (size) => map('fork', size, {}),
  applyFork: (size) => apply('fork', size),
  applySpawn: (size) => apply('spawn', size),
  createFork: (size) => create('fork', size),
  createSpawn: (size) => create('spawn', size),
  largeFork: (size) => large('fork', size),
  largeSpawn: (size) => large('spawn', size),
  jobFork: (size) => job('fork', size),
  jobSpawn: (size) => job('spawn', size),
});
