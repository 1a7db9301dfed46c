// Messages of Node's own, one way: what a queue is compared with.
import { fork } from 'node:child_process';
import path from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { itemOf } from './items.mjs';
import { main, timeEach } from './measure.mjs';

/** Per item, from the word to begin to the last one. */
async function flow({ items, rounds }, peer, begin) {
  const samples = await timeEach(rounds, async () => {
    let got = 0;
    await new Promise((resolve) => {
      peer.on('message', function count() {
        if (++got < items) return;
        peer.off('message', count);
        resolve();
      });
      begin(peer);
    });
  });
  return samples.map((ms) => ms / items);
}

async function child(size, serialization) {
  const peer = fork(import.meta.filename, [JSON.stringify(size)], {
    serialization,
    env: { ...process.env, QUEUE_PEER: '1' },
  });
  const samples = await flow(size, peer, () => peer.send('go'));
  peer.disconnect();
  return samples;
}

async function thread(size) {
  const peer = new Worker(path.join(import.meta.dirname, 'queue-peers.mjs'), { workerData: size });
  const samples = await flow(size, peer, () => peer.postMessage('go'));
  await peer.terminate();
  return samples;
}

function produce({ kind, items }, channel, send) {
  const item = itemOf(kind);
  channel.on('message', () => {
    for (let i = 0; i < items; i++) send(item);
  });
}

if (!isMainThread) produce(workerData, parentPort, (item) => parentPort.postMessage(item));
else if (process.env.QUEUE_PEER)
  produce(JSON.parse(process.argv[2]), process, (item) => process.send(item));
else
  await main({
    json: (size) => child(size, 'json'),
    advanced: (size) => child(size, 'advanced'),
    thread,
  });
