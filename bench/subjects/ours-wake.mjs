import { Pipe, Queue, Semaphore, getContext } from 'node-multiprocessing';
import { main } from './measure.mjs';

const forked = getContext('fork');

/** On the clock that all processes share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Another process calls `wake(at)` whenever this one has slept for a while: how long after that each `wait()` has returned. */
async function timeWakes({ rounds, pauseUs }, wake, wait) {
  const [here, there] = Pipe();
  const other = new forked.Process({
    args: [there],
    daemon: true,
    target: (report) => {
      for (;;) {
        const until = now() + pauseUs / 1000;
        while (now() < until);
        const at = now();
        wake(at);
        report.sendSync(at);
      }
    },
  });
  await other.start();
  const samples = [];
  for (let i = -rounds / 10; i < rounds; i++) {
    await wait();
    const returned = now();
    const at = here.recvSync();
    if (i >= 0) samples.push(returned - at);
  }
  other.kill();
  await other.join();
  return samples;
}

function throughSemaphore(size, method) {
  const semaphore = new Semaphore(0);
  return timeWakes(
    size,
    () => semaphore.release(),
    () => semaphore[method](),
  );
}

function throughQueue(size, method) {
  const queue = new Queue();
  return timeWakes(
    size,
    (at) => queue.putSync(at),
    () => queue[method](),
  );
}

await main({
  sync: (size) => throughSemaphore(size, 'acquireSync'),
  async: (size) => throughSemaphore(size, 'acquire'),
  queueSync: (size) => throughQueue(size, 'getSync'),
  queueAsync: (size) => throughQueue(size, 'get'),
});
