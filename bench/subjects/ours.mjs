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

async function withPool(method, workers, measure) {
  const { Pool } = getContext(method);
  const pool = new Pool(workers);
  await pool.map(nothing, Array(1000).fill(1), { chunkSize: 1 });
  const samples = await measure(pool);
  pool.close();
  await pool.join();
  return samples;
}

async function poolMap(method, { items, rounds, workers }, options) {
  const list = Array(items).fill(1);
  return withPool(method, workers, async (pool) => {
    const times = await timeEach(rounds, () => pool.map(nothing, list, options));
    return times.map((ms) => ms / items);
  });
}

const poolApply = (method, { rounds, workers }) =>
  withPool(method, workers, (pool) => timeEach(rounds, () => pool.apply(nothing)));

await main({
  startFork,
  startSpawn: ({ slowRounds }) => start('spawn', slowRounds),
  pipe,
  pipeSync,
  poolMapFork: (size) => poolMap('fork', size, { chunkSize: 1 }),
  poolMapSpawn: (size) => poolMap('spawn', size, { chunkSize: 1 }),
  poolMapAutomatic: (size) => poolMap('fork', size, {}),
  poolApplyFork: (size) => poolApply('fork', size),
  poolApplySpawn: (size) => poolApply('spawn', size),
});
