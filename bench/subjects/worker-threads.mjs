import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { main, timeEach } from './measure.mjs';

const program = (name) => path.join(import.meta.dirname, `${name}.mjs`);

const start = ({ slowRounds }) =>
  timeEach(slowRounds * 2, () => once(new Worker(program('empty')), 'exit'));

async function messages({ rounds, bytes }) {
  const worker = new Worker(program('echo-thread'));
  const message = new Uint8Array(bytes);
  const samples = await timeEach(rounds, async () => {
    worker.postMessage(message);
    await once(worker, 'message');
  });
  await worker.terminate();
  return samples;
}

await main({ start, messages });
