// Random deaths among processes that lock, wait, notify and meet: `node sync-storm.cjs <seconds>`. Counts what must not happen:
// two at once where a lock lets one in, a counter that has lost a step, more inside of a semaphore than it has permits, a worker
// that makes no headway, a permit that does not come back, memory, places or descriptors that are gone at the end.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { collectGarbage, descriptors, placesInUse, segmentKiB } = require('./segment.cjs');

const SECONDS = Number(process.argv[2] ?? 10);
const WORKERS = 6;
const PERMITS = 3;
const PARTIES = 3;
/** Without headway for so long a worker hangs: nobody keeps a lock for longer than a moment, on a loaded machine a second or two. */
const HANG_MS = 30_000;
/** One that stands still for longer than any wait with a timeout is not killed: it may hang, and its death would hide that. */
const SPARED_MS = 150;
/** Of waits for what another must do, who may die before he does it. Locks and permits come back from the dead: for them it is waited for
 * ever, and a wake-up that is lost is a worker without headway. */
const timeout = 100;
const deadToMe = { takeAbandoned: true };
/** How often it is looked whether what was there at first is all that there is. */
const LOOKS = 10;

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
/** From here on a word for each worker; it is its own, and that of those who come after it in its place. */
const HEADWAY = 64;
/** How often it has counted under each of the locks. */
const COUNTED = [80, 96];
/** Its permit, as a number that never comes again; 0 while it has none. */
const PERMIT = 112;
const violations = fs.openSync(path.join(scratch, 'violations'), 'a');
const violated = (what) => fs.writeSync(violations, `${process.pid}: ${what}\n`);

const locks = [new mp.Lock(), new mp.RLock()];
const permits = new mp.BoundedSemaphore(PERMITS);
const counting = new mp.Semaphore(0);
const condition = new mp.Condition(new mp.Lock(deadToMe));
const event = new mp.Event();
const barrier = new mp.Barrier(PARTIES);

/** This process's, when it is a worker. */
const own = { slot: -1, permits: 0 };

/** What a lock protects: a name that must be the own one from beginning to end, and a counter. */
function protectedWork(which, afterDeath) {
  const at = COUNTER + which * PER_LOCK;
  const found = read(at + INSIDE);
  if (found !== 0 && !afterDeath) violated(`lock ${which} let ${process.pid} in beside ${found}`);
  write(at + INSIDE, process.pid);
  write(at, read(at) + 1);
  // Behind the counter: who dies in between has counted once more than it says.
  write(COUNTED[which] + own.slot, read(COUNTED[which] + own.slot) + 1);
  const now = read(at + INSIDE);
  if (now !== process.pid) violated(`${now} came in beside ${process.pid} at lock ${which}`);
  write(at + INSIDE, 0);
}

/** Whoever has a permit says so before he looks at the others, so that the last of too many sees all of them. */
function withPermit() {
  own.permits += 1;
  write(PERMIT + own.slot, process.pid * 2 ** 20 + (own.permits % 2 ** 20));
  const first = permitsOnBoard();
  const all = permitsOnBoard();
  // What is there twice was there all the time between: these were inside together, if they were alive after it.
  const inside = first.filter((permit, slot) => permit !== 0 && permit === all[slot]);
  const alive = inside.filter((permit) => isAlive(Math.floor(permit / 2 ** 20)));
  if (alive.length > PERMITS) violated(`${alive.length} are inside with ${PERMITS} permits`);
}
const withoutPermit = () => write(PERMIT + own.slot, 0);
const permitsOnBoard = () => Array.from({ length: WORKERS }, (_, slot) => read(PERMIT + slot));

/** Of one that is on its way out the permit may have returned already. */
function isAlive(pid) {
  const PF_EXITING = 4;
  let stat;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return false;
  }
  const [state, , , , , , flags] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return !'ZX'.includes(state) && (Number(flags) & PF_EXITING) === 0;
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
    try {
      lock.acquireSync();
    } catch (error) {
      afterDeath = abandoned(error);
      lock.acquireSync(deadToMe);
    }
    protectedWork(which, afterDeath);
    lock.release();
  },
  permit() {
    permits.acquireSync();
    withPermit();
    withoutPermit();
    permits.release();
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
    try {
      await lock.acquire({ holder });
    } catch (error) {
      afterDeath = abandoned(error);
      await lock.acquire({ holder, ...deadToMe });
    }
    protectedWork(which, afterDeath);
    lock.release({ holder });
  },
  async permit() {
    await permits.acquire();
    withPermit();
    // The others come in meanwhile, and one that dies here dies with its permit.
    await sleep(1);
    withoutPermit();
    permits.release();
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
  own.slot = slot;
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
  // Of the one before, who may have died with it.
  write(PERMIT + slot, 0);
  const child = new mp.Process({ target: work, args: [slot] });
  await child.start();
  workers[slot] = { child, seen: read(HEADWAY + slot), since: performance.now() };
}

/** Descriptors, and objects in the segment. Looked at again while it is more than before, for the garbage collector takes its time. */
async function atRest(before = { descriptors: 0, places: 0 }) {
  for (let look = 1; ; look++) {
    collectGarbage();
    await sleep(20);
    const now = { descriptors: descriptors(), places: placesInUse() };
    const less = now.descriptors <= before.descriptors && now.places <= before.places;
    if (less || look === LOOKS) return now;
  }
}

/** Nothing, while it makes headway. */
function whatIsWrong(worker, slot) {
  const { pid, exitCode } = worker.child;
  if (exitCode !== null) return `has ended with ${exitCode}, not by this storm`;
  const seen = read(HEADWAY + slot);
  const now = performance.now();
  if (seen !== worker.seen) Object.assign(worker, { seen, since: now });
  if (now - worker.since <= HANG_MS) return '';
  const stack = ['wchan', 'syscall'].map((name) => fs.readFileSync(`/proc/${pid}/${name}`));
  return `makes no headway: ${stack.join(' ')}`;
}

function lookForHangs() {
  for (const [slot, worker] of workers.entries()) {
    const wrong = worker.isDone ? '' : whatIsWrong(worker, slot);
    if (wrong === '') continue;
    violated(`worker ${worker.child.pid} ${wrong}`);
    // It is replaced when its turn comes.
    worker.child.kill();
    worker.isDone = true;
  }
}

(async () => {
  // What a process opens once and keeps, with the first of its children.
  const first = new mp.Process({ target: () => {} });
  await first.start();
  assert.equal(await first.join(), 0);
  first.close();
  const before = await atRest();
  let memory = 0;
  for (let slot = 0; slot < WORKERS; slot++) await start(slot);
  const end = performance.now() + SECONDS * 1000;
  let deaths = 0;
  while (performance.now() < end) {
    await sleep(Math.random() * 20);
    lookForHangs();
    const slot = Math.floor(Math.random() * WORKERS);
    const { child, since, isDone } = workers[slot];
    if (!isDone && performance.now() - since > SPARED_MS) continue;
    if (!isDone && Math.random() < 0.2) {
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
    if (memory === 0 && deaths > 100) memory = segmentKiB();
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
  for (const { child } of workers) child.close();
  const after = await atRest(before);
  const counters = locks.map((_, which) => {
    const counter = read(COUNTER + which * PER_LOCK);
    const counted = workers.reduce((sum, _, slot) => sum + read(COUNTED[which] + slot), 0);
    if (counter < counted || counter > counted + deaths) {
      violated(`counter ${which} is ${counter}, ${counted} were counted, and ${deaths} died`);
    }
    return counter;
  });
  const headway = workers.reduce((sum, _, slot) => sum + read(HEADWAY + slot), 0);
  const growth = memory === 0 ? 0 : segmentKiB() - memory;
  const extra = after.descriptors - before.descriptors;
  const places = after.places - before.places;
  const bad = fs.readFileSync(path.join(scratch, 'violations'), 'utf8');
  fs.rmSync(scratch, { recursive: true });
  console.log(
    `sync storm, Node ${process.version}: ${deaths} killed, ${headway} steps, counters ${counters.join(' and ')}, ` +
      `${extra > 0 ? extra : 0} descriptors and ${places} objects left, ${growth} KiB grown`,
  );
  if (bad !== '') console.log(bad.slice(0, 2000));
  assert.deepEqual({ bad, codes: [...new Set(codes)] }, { bad: '', codes: [0] });
  assert.ok(extra <= 0, `${extra} descriptors are left`);
  assert.ok(places <= 0, `${places} objects are left in the segment`);
  assert.ok(growth <= 64, `the segment has grown by ${growth} KiB`);
  assert.ok(headway > deaths, 'hardly anything was done');
  process.exit();
})();
