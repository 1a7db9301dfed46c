import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { main, timeEach } from './measure.mjs';

const program = (name) => path.join(import.meta.dirname, `${name}.mjs`);

const start = ({ slowRounds }) => timeEach(slowRounds, () => once(fork(program('empty')), 'exit'));

async function messages({ rounds, bytes }) {
  const child = fork(program('echo-child'), { serialization: 'advanced' });
  const message = new Uint8Array(bytes);
  const samples = await timeEach(rounds, async () => {
    child.send(message);
    await once(child, 'message');
  });
  child.disconnect();
  return samples;
}

await main({ start, messages });
