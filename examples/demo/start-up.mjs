// How long it takes from the decision to start an empty child until it has ended again.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Process } from 'node-multiprocessing';
import { nothing } from './work.mjs';

const emptyProgram = fileURLToPath(new URL('empty.mjs', import.meta.url));

async function ours() {
  const child = new Process({ target: nothing });
  await child.start();
  await child.join();
  child.close();
}

async function childProcessFork() {
  await once(fork(emptyProgram), 'exit');
}

async function workerThread() {
  await once(new Worker(emptyProgram), 'exit');
}

export async function measureStarts(method) {
  return [
    await median(`ours (${method})`, ours, method === 'fork' ? 40 : 8),
    await median('child_process.fork', childProcessFork, 8),
    await median('worker_threads', workerThread, 20),
  ];
}

async function median(name, start, rounds) {
  await start();
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await start();
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  return { name, p50: times[Math.floor(times.length / 2)], rounds };
}
