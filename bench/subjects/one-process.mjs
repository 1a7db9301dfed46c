// The jobs without a pool: what two workers are compared with.
import { checkAnswers, itemsOf, tasks } from './jobs.mjs';
import { main, timeEachSync } from './measure.mjs';

await main({
  job: (size) => {
    const items = itemsOf[size.job](size);
    const times = timeEachSync(size.rounds, () => {
      checkAnswers(items.map(tasks[size.job]), size, items);
    });
    return times.map((ms) => ms / items.length);
  },
});
