import { Pipe, Process, Queue } from 'node-multiprocessing';
import { itemOf } from './items.mjs';
import { main, timeEach, timeEachSync } from './measure.mjs';
import {
  consume,
  echo,
  echoAsync,
  produce,
  produceLoans,
  produceMany,
  producePart,
  sendAll,
  sendAllBytes,
} from './queue-functions.mjs';

/** One process puts as fast as it can, this one gets. Per item, from the word to begin to the last one. */
async function flow(size, target, consume) {
  const [queue, go] = [new Queue({ maxBytes: 2 ** 26, maxSize: size.most }), new Queue()];
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

const loans = (size) =>
  flow(size, produceLoans, async (queue, items) => {
    for (let i = 0; i < items; i++) {
      const item = queue.getLoanSync();
      const view = item.value;
      if (view[0] !== view[view.length - 1]) throw new Error('not what was written');
      item.release();
      if (i % 256 === 0) await new Promise(setImmediate);
    }
  });

/** As many put as get. Whoever is faster does more than one part of a round. */
async function crowd({ kind, items, pairs, rounds }) {
  const [queue, go, done] = [new Queue(), new Queue(), new Queue()];
  const children = Array.from({ length: pairs }, () => [
    new Process({
      target: producePart,
      args: [queue, go, { kind, items: items / pairs }],
      daemon: true,
    }),
    new Process({ target: consume, args: [queue, done], daemon: true }),
  ]).flat();
  for (const child of children) await child.start();
  const samples = timeEachSync(rounds, () => {
    for (let i = 0; i < pairs; i++) go.putNowait(true);
    for (let i = 0; i < pairs; i++) done.getSync();
  });
  for (const child of children) child.kill();
  for (const child of children) await child.join();
  return samples.map((ms) => ms / items);
}

/** The same through a pipe. `receive(end)` takes one. */
async function throughPipe(size, target, receive) {
  const [[here, there], go] = [Pipe({ duplex: false }), new Queue()];
  const child = new Process({ target, args: [there, go, size] });
  await child.start();
  there.close();
  const samples = timeEachSync(size.rounds, () => {
    go.putNowait(true);
    for (let i = 0; i < size.items; i++) receive(here);
  });
  go.putNowait(false);
  await child.join();
  return samples.map((ms) => ms / size.items);
}

const pipe = (size) => throughPipe(size, sendAll, (here) => here.recvSync());

function pipeInto(size) {
  const into = itemOf(size.kind);
  return throughPipe(size, sendAllBytes, (here) => here.recvBytesIntoSync(into));
}

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

await main({ crowd, sync, async, batched, loans, pipe, pipeInto, roundTrip, roundTripSync });
