// The jobs without a pool: what two workers are compared with, and the most that they can be.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { checkAnswers, itemsOf, tasks } from './jobs.mjs';
import { main, timeEach, timeEachSync } from './measure.mjs';

const timePerItem = (times, { length }) => times.map((ms) => ms / length);

/** A process that does half of the job whenever it is told to, and says so once. */
function startHalf(job, items) {
  const child = fork(import.meta.filename, ['half']);
  child.send({ job, items });
  return child;
}

function doHalf() {
  process.once('message', ({ job, items }) => {
    process.on('message', () => {
      const answers = items.map(tasks[job]);
      process.send(answers.every((answer) => answer > 0));
    });
  });
}

async function halves(size) {
  const items = itemsOf[size.job](size);
  const children = [0, 1].map((half) =>
    startHalf(
      size.job,
      items.filter((_, i) => i % 2 === half),
    ),
  );
  const times = await timeEach(size.rounds, async () => {
    const done = children.map((child) => once(child, 'message'));
    for (const child of children) child.send('begin');
    for (const [isRight] of await Promise.all(done)) {
      if (!isRight) throw new Error(`${size.job} gave an answer that makes no sense`);
    }
  });
  for (const child of children) child.disconnect();
  return timePerItem(times, items);
}

function whole(size) {
  const items = itemsOf[size.job](size);
  const times = timeEachSync(size.rounds, () => {
    checkAnswers(items.map(tasks[size.job]), size, items);
  });
  return timePerItem(times, items);
}

if (process.argv[2] === 'half') doHalf();
else await main({ whole, halves });
