import { Event, Lock, Pipe, Semaphore, getContext } from 'node-multiprocessing';
import { main, timeBatches, timeEach, timeEachSync } from './measure.mjs';

const { Process } = getContext('fork');

function lock({ rounds, batch }) {
  const lock = new Lock();
  return timeBatches(rounds, batch, () => {
    for (let i = 0; i < batch; i++) {
      lock.acquireSync();
      lock.release();
    }
  });
}

async function lockAsync({ rounds, batch }) {
  const lock = new Lock();
  const samples = await timeEach(rounds, async () => {
    for (let i = 0; i < batch; i++) {
      await lock.acquire();
      lock.release();
    }
  });
  return samples.map((ms) => ms / batch);
}

/** How many times that can be done in each of the windows, which begin at the same moments in all processes. */
function countInWindows(beginAt, { rounds, windowMs }, work) {
  const counts = new Array(rounds).fill(0);
  for (;;) {
    const at = Math.floor((now() - beginAt) / windowMs);
    if (at >= rounds) return counts;
    work();
    if (at >= 0) counts[at] += 1;
  }
}

/** On the clock that all processes share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

/** What both have done together: the rate of the lock. */
async function lockContended(size) {
  const lock = new Lock();
  const AT_ONCE = 50;
  const work = () => {
    for (let i = 0; i < AT_ONCE; i++) {
      lock.acquireSync();
      lock.release();
    }
  };
  const [here, there] = Pipe();
  const beginAt = now() + 100;
  const rival = new Process({
    args: [there],
    target: (report) => report.sendSync(countInWindows(beginAt, size, work)),
  });
  await rival.start();
  const own = countInWindows(beginAt, size, work);
  const others = await here.recv();
  await rival.join();
  // A window in which neither came to run is about other programs.
  const both = own.map((count, i) => count + others[i]).filter((count) => count > 0);
  return both.map((count) => size.windowMs / (count * AT_ONCE));
}

async function handOver({ rounds }) {
  const [there, back] = [new Semaphore(0), new Semaphore(0)];
  const other = new Process({
    target: () => {
      for (;;) {
        there.acquireSync();
        back.release();
      }
    },
  });
  await other.start();
  const samples = timeEachSync(rounds, () => {
    there.release();
    back.acquireSync();
  });
  other.kill();
  await other.join();
  return samples;
}

async function handOverAsync({ rounds }) {
  const [there, back] = [new Semaphore(0), new Semaphore(0)];
  const other = new Process({
    target: async () => {
      for (;;) {
        await there.acquire();
        back.release();
      }
    },
  });
  await other.start();
  const samples = await timeEach(rounds, async () => {
    there.release();
    await back.acquire();
  });
  other.kill();
  await other.join();
  return samples;
}

/** From the moment before the signal is sent, told by its sender on the clock that all processes share. */
async function timeDeaths(rounds, acquire) {
  const samples = [];
  for (let i = 0; i < rounds; i++) {
    const lock = new Lock();
    const held = new Event();
    const holder = new Process({
      target: () => {
        lock.acquireSync();
        held.set();
        return new Promise((resolve) => setTimeout(resolve, 60_000));
      },
    });
    await holder.start();
    held.waitSync();
    const [here, there] = Pipe();
    const killer = new Process({
      args: [there],
      target: async (report) => {
        // The other has gone to sleep by then, and this function was called before.
        await new Promise((resolve) => setTimeout(resolve, 10));
        for (let i = 0; i < 3; i++) process.kill(holder.pid, Number(process.hrtime.bigint() % 1n));
        const before = process.hrtime.bigint();
        process.kill(holder.pid, 'SIGKILL');
        // Its own end would take a processor away from what is measured.
        await new Promise((resolve) => setTimeout(resolve, 20));
        report.sendSync(before);
      },
    });
    await killer.start();
    await acquire(lock);
    const acquired = process.hrtime.bigint();
    samples.push(Number(acquired - (await here.recv())) / 1e6);
    lock.release();
    await Promise.all([holder.join(), killer.join()]);
    for (const end of [here, there]) end.close();
  }
  return samples;
}

const lockDeath = ({ rounds }) =>
  timeDeaths(rounds, (lock) => lock.acquireSync({ takeAbandoned: true }));
const lockDeathAsync = ({ rounds }) =>
  timeDeaths(rounds, (lock) => lock.acquire({ takeAbandoned: true }));

await main({
  lock,
  lockAsync,
  lockContended,
  handOver,
  handOverAsync,
  lockDeath,
  lockDeathAsync,
});
