import { Pipe, Process, getContext } from 'node-multiprocessing';
import { fillHeap } from './heap.mjs';
import { echo, echoSync, nothing } from './functions.mjs';
import { main, timeEach, timeEachSync } from './measure.mjs';

async function start(method, rounds) {
  const context = getContext(method);
  return timeEach(rounds, async () => {
    const child = new context.Process({ target: nothing });
    await child.start();
    await child.join();
    child.close();
  });
}

async function startFork({ rounds, heapMiB }) {
  globalThis.kept = heapMiB > 0 ? fillHeap(heapMiB) : undefined;
  return start('fork', rounds);
}

async function withEcho(target, measure) {
  const [ours, theirs] = Pipe();
  const child = new Process({ target, args: [theirs] });
  await child.start();
  theirs.close();
  const samples = await measure(ours);
  ours.close();
  await child.join();
  return samples;
}

const pipe = ({ rounds, bytes }) =>
  withEcho(echo, (connection) => {
    const message = new Uint8Array(bytes);
    return timeEach(rounds, async () => {
      await connection.send(message);
      await connection.recv();
    });
  });

const pipeSync = ({ rounds, bytes }) =>
  withEcho(echoSync, (connection) => {
    const message = new Uint8Array(bytes);
    return timeEachSync(rounds, () => {
      connection.sendSync(message);
      connection.recvSync();
    });
  });

await main({
  startFork,
  startSpawn: ({ slowRounds }) => start('spawn', slowRounds),
  pipe,
  pipeSync,
});
