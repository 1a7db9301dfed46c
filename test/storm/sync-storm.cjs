// Random deaths among processes that lock, wait, notify and meet: `node sync-storm.cjs <seconds>`. Counts what must not happen:
// two at once where a lock lets one in, a worker that makes no headway, a permit that does not come back, memory or descriptors
// that are gone at the end.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');

const SECONDS = Number(process.argv[2] ?? 10);
const WORKERS = 6;
const PERMITS = 3;
const PARTIES = 3;
/** Without headway for so long a worker hangs: its longest wait is a tenth of a second, on a loaded machine a second or two. */
const HANG_MS = 30_000;
/** Every worker's waits end by themselves, so that none depends on one that has died before it could notify. */
const timeout = 100;
const deadToMe = { takeAbandoned: true };

// The file is the shared memory: pages of the kernel that every process reads and writes at once, and that outlive it.
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mp-sync-storm-'));
const board = fs.openSync(path.join(scratch, 'board'), 'w+');
fs.ftruncateSync(board, 4096);
const word = Buffer.alloc(8);
const read = (slot) => {
  assert.equal(fs.readSync(board, word, 0, 8, slot * 8), 8);
  return Number(word.readBigUInt64LE());
};
const write = (slot, value) => {
  word.writeBigUInt64LE(BigInt(value));
  fs.writeSync(board, word, 0, 8, slot * 8);
};
const STOP = 0;
const COUNTER = 1;
const INSIDE = 2;
const PER_LOCK = 4;
const HEADWAY = 64;
const violations = fs.openSync(path.join(scratch, 'violations'), 'a');
const violated = (what) => fs.writeSync(violations, `${process.pid}: ${what}\n`);

const locks = [new mp.Lock(), new mp.RLock()];
const permits = new mp.BoundedSemaphore(PERMITS);
const counting = new mp.Semaphore(0);
const condition = new mp.Condition(new mp.Lock(deadToMe));
const event = new mp.Event();
const barrier = new mp.Barrier(PARTIES);

/** What a lock protects: a name that must be the own one from beginning to end, and a counter. */
function protectedWork(which, afterDeath) {
  const at = COUNTER + which * PER_LOCK;
  const found = read(at + INSIDE);
  if (found !== 0 && !afterDeath) violated(`lock ${which} let ${process.pid} in beside ${found}`);
  write(at + INSIDE, process.pid);
  write(at, read(at) + 1);
  const now = read(at + INSIDE);
  if (now !== process.pid) violated(`${now} came in beside ${process.pid} at lock ${which}`);
  write(at + INSIDE, 0);
}

const abandoned = (error) => {
  if (!(error instanceof mp.LockAbandonedError)) throw error;
  return true;
};
const broken = (error) => {
  if (!(error instanceof mp.BrokenBarrierError)) throw error;
  barrier.reset();
};
const pick = (list) => list[Math.floor(Math.random() * list.length)];

const blocking = {
  lock(which) {
    const lock = locks[which];
    let afterDeath = false;
    let taken;
    try {
      taken = lock.acquireSync({ timeout });
    } catch (error) {
      afterDeath = abandoned(error);
      taken = lock.acquireSync({ timeout, ...deadToMe });
    }
    if (!taken) return;
    protectedWork(which, afterDeath);
    lock.release();
  },
  permit() {
    if (permits.acquireSync({ timeout })) permits.release();
  },
  count() {
    if (Math.random() < 0.5) counting.release();
    else counting.acquireSync({ timeout });
  },
  condition() {
    condition.acquireSync();
    try {
      if (Math.random() < 0.5) condition.notify(1 + Math.floor(Math.random() * 3));
      else condition.waitSync({ timeout });
    } finally {
      condition.release();
    }
  },
  event() {
    if (Math.random() < 0.5) event.set();
    else event.waitSync({ timeout });
    if (Math.random() < 0.5) event.clear();
  },
  meet() {
    try {
      barrier.waitSync({ timeout });
    } catch (error) {
      broken(error);
    }
  },
};

const waiting = {
  async lock(which) {
    const lock = locks[which];
    // An async holder of its own, which the reentrant one needs to be given back by another turn of the loop.
    const holder = which === 1 ? {} : undefined;
    let afterDeath = false;
    let taken;
    try {
      taken = await lock.acquire({ timeout, holder });
    } catch (error) {
      afterDeath = abandoned(error);
      taken = await lock.acquire({ timeout, holder, ...deadToMe });
    }
    if (!taken) return;
    protectedWork(which, afterDeath);
    lock.release({ holder });
  },
  async permit() {
    if (await permits.acquire({ timeout })) permits.release();
  },
  async count() {
    if (Math.random() < 0.5) counting.release();
    else await counting.acquire({ timeout });
  },
  async condition() {
    await condition.acquire();
    try {
      if (Math.random() < 0.5) condition.notifyAll();
      else await condition.wait({ timeout });
    } finally {
      condition.release();
    }
  },
  async event() {
    if (Math.random() < 0.5) event.set();
    else await event.wait({ timeout });
    if (Math.random() < 0.5) event.clear();
  },
  async meet() {
    try {
      await barrier.wait({ timeout });
    } catch (error) {
      broken(error);
    }
  },
};

async function work(slot) {
  process.removeAllListeners('warning');
  process.on('warning', () => {}); // Locks that were taken from the dead are named here: there are thousands.
  const names = Object.keys(blocking);
  for (let done = 1; read(STOP) === 0; done++) {
    const name = pick(names);
    if (Math.random() < 0.5) blocking[name](done % 2);
    else await waiting[name](done % 2);
    write(HEADWAY + slot, read(HEADWAY + slot) + 1);
  }
}

// ---- the parent ---------------------------------------------------------------------------------------------------------------

const workers = [];
async function start(slot) {
  const child = new mp.Process({ target: work, args: [slot] });
  await child.start();
  workers[slot] = { child, seen: read(HEADWAY + slot), since: performance.now() };
}

const descriptors = () => fs.readdirSync('/proc/self/fd').length;
/** Memory that the segment takes, in KiB. */
const segmentKiB = () =>
  fs
    .readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        const target = fs.readlinkSync(`/proc/self/fd/${fd}`);
        return target.startsWith('/memfd:') ? fs.fstatSync(Number(fd)).blocks / 2 : 0;
      } catch {
        return 0;
      }
    })
    .reduce((sum, size) => sum + size, 0);

function lookForHangs() {
  for (const [slot, worker] of workers.entries()) {
    const seen = read(HEADWAY + slot);
    const now = performance.now();
    if (seen !== worker.seen) Object.assign(worker, { seen, since: now });
    else if (now - worker.since > HANG_MS) {
      const { pid } = worker.child;
      const stack = ['wchan', 'syscall'].map((name) => fs.readFileSync(`/proc/${pid}/${name}`));
      violated(`worker ${pid} makes no headway: ${stack.join(' ')}`);
      worker.child.kill();
    }
  }
}

(async () => {
  for (let slot = 0; slot < WORKERS; slot++) await start(slot);
  const before = { descriptors: descriptors(), memory: 0 };
  const end = performance.now() + SECONDS * 1000;
  let deaths = 0;
  while (performance.now() < end) {
    await sleep(Math.random() * 20);
    const slot = Math.floor(Math.random() * WORKERS);
    const { child } = workers[slot];
    if (Math.random() < 0.2) {
      // One that stands still is not dead, and nobody may take it for that.
      process.kill(child.pid, 'SIGSTOP');
      await sleep(Math.random() * 5);
      process.kill(child.pid, 'SIGCONT');
    }
    child.kill();
    await child.join();
    child.close();
    deaths++;
    await start(slot);
    lookForHangs();
    if (before.memory === 0 && deaths > 100) before.memory = segmentKiB();
  }
  write(STOP, 1);
  const codes = await Promise.all(
    workers.map(async ({ child }) => (await child.join({ timeout: HANG_MS })) ?? 'hangs'),
  );
  // Whatever the dead had is back.
  for (let i = 0; i < PERMITS; i++) assert.equal(permits.acquireSync({ timeout: 1000 }), true);
  assert.equal(permits.acquireSync({ timeout: 0 }), false);
  for (const lock of locks) {
    assert.equal(lock.acquireSync({ timeout: 1000, ...deadToMe }), true);
    lock.release();
  }
  const headway = workers.reduce((sum, _, slot) => sum + read(HEADWAY + slot), 0);
  const growth = before.memory === 0 ? 0 : segmentKiB() - before.memory;
  const extra = descriptors() - before.descriptors;
  const bad = fs.readFileSync(path.join(scratch, 'violations'), 'utf8');
  fs.rmSync(scratch, { recursive: true });
  console.log(
    `sync storm, Node ${process.version}: ${deaths} killed, ${headway} steps, counters ${read(COUNTER)} and ` +
      `${read(COUNTER + PER_LOCK)}, ${extra > 0 ? extra : 0} descriptors left, ${growth} KiB grown`,
  );
  if (bad !== '') console.log(bad.slice(0, 2000));
  assert.deepEqual({ bad, codes: [...new Set(codes)] }, { bad: '', codes: [0] });
  assert.ok(extra <= 0, `${extra} descriptors are left`);
  assert.ok(growth <= 64, `the segment has grown by ${growth} KiB`);
  assert.ok(headway > deaths, 'hardly anything was done');
  process.exit();
})();
