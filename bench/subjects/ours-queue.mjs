import { Process, Queue } from 'node-multiprocessing';
import { itemOf } from './items.mjs';
import { main, timeEach, timeEachSync } from './measure.mjs';
import { echo, echoAsync, produce, produceMany } from './queue-functions.mjs';

/** One process puts as fast as it can, this one gets. Per item, from the word to begin to the last one. */
async function flow(size, target, consume) {
  const [queue, go] = [new Queue({ maxBytes: 2 ** 26 }), new Queue()];
  const child = new Process({ target, args: [queue, go, size] });
  await child.start();
  const samples = await timeEach(size.rounds, async () => {
    go.putNowait(true);
    await consume(queue, size.items);
  });
  go.putNowait(false);
  await child.join();
  return samples.map((ms) => ms / size.items);
}

const sync = (size) =>
  flow(size, produce, (queue, items) => {
    for (let i = 0; i < items; i++) queue.getSync();
  });

const async = (size) =>
  flow(size, produce, async (queue, items) => {
    for (let i = 0; i < items; i++) await queue.get();
  });

const batched = (size) =>
  flow(size, produceMany, (queue, items) => {
    for (let got = 0; got < items;) got += queue.getManySync(256).length;
  });

async function withEcho(target, size, measure) {
  const [there, back] = [new Queue(), new Queue()];
  const child = new Process({ target, args: [there, back] });
  await child.start();
  const samples = await measure(there, back, itemOf(size.kind));
  there.putNowait(null);
  await child.join();
  return samples;
}

const roundTripSync = (size) =>
  withEcho(echo, size, (there, back, item) =>
    timeEachSync(size.rounds, () => {
      there.putSync(item);
      back.getSync();
    }),
  );

const roundTrip = (size) =>
  withEcho(echoAsync, size, (there, back, item) =>
    timeEach(size.rounds, async () => {
      await there.put(item);
      await back.get();
    }),
  );

await main({ sync, async, batched, roundTrip, roundTripSync });
