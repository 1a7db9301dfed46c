import { checkAnswers, itemsOf } from './jobs.mjs';
import { timeEach } from './measure.mjs';

/**
 * What is measured of a pool of others: `make(workers)` answers it, with `run(item, name)`, which calls the function of that name
 * in functions.mjs or jobs.mjs, and `end()`.
 */
export function measuresOf(make) {
  async function withPool(workers, measure) {
    const pool = make(workers);
    await all(pool, Array(1000).fill(1), 'nothing');
    const samples = await measure(pool);
    await pool.end();
    return samples;
  }

  const all = (pool, items, name) => Promise.all(items.map((item) => pool.run(item, name)));

  /** Per item, all at once. */
  const flow = ({ items, rounds, workers }, item, name) =>
    withPool(workers, async (pool) => {
      const list = Array(items).fill(item);
      const times = await timeEach(rounds, () => all(pool, list, name));
      return times.map((ms) => ms / items);
    });

  return {
    map: (size) => flow(size, 1, 'nothing'),
    large: (size) => flow(size, new Uint8Array(size.bytes), 'lengthOf'),
    run: ({ rounds, workers }) =>
      withPool(workers, (pool) => timeEach(rounds, () => pool.run(1, 'nothing'))),
    create: ({ slowRounds, workers }) =>
      timeEach(slowRounds, async () => {
        const pool = make(workers);
        await all(pool, [1, 2, 3, 4], 'nothing');
        await pool.end();
      }),
    job: (size) =>
      withPool(size.workers, async (pool) => {
        const items = itemsOf[size.job](size);
        const times = await timeEach(size.rounds, async () => {
          checkAnswers(await all(pool, items, size.job), size, items);
        });
        return times.map((ms) => ms / items.length);
      }),
  };
}

/** Of two kinds of workers, the measurements of each under a name of its own: `mapThreads`, `mapProcesses`. */
export function measuresOfBoth(threads, processes) {
  const named = (measures, kind) =>
    Object.entries(measures).map(([name, measure]) => [`${name}${kind}`, measure]);
  return Object.fromEntries([...named(threads, 'Threads'), ...named(processes, 'Processes')]);
}
