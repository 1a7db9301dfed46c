import { timeEach } from './measure.mjs';

/** What is measured of a pool of others: `make(workers)` answers it, with `run(item)` and `end()`. */
export function measuresOf(make) {
  async function withPool(workers, measure) {
    const pool = make(workers);
    await Promise.all(Array.from({ length: 1000 }, () => pool.run(1)));
    const samples = await measure(pool);
    await pool.end();
    return samples;
  }

  return {
    map: ({ items, rounds, workers }) =>
      withPool(workers, async (pool) => {
        const list = Array(items).fill(1);
        const times = await timeEach(rounds, () => Promise.all(list.map((item) => pool.run(item))));
        return times.map((ms) => ms / items);
      }),
    run: ({ rounds, workers }) => withPool(workers, (pool) => timeEach(rounds, () => pool.run(1))),
  };
}
