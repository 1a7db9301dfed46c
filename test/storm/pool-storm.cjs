// Random deaths and standstills of a pool's workers under load, and tasks given up: `node pool-storm.cjs <seconds for every start method>`.
// Counts what must not happen: a task that settles twice or never, or as anything but its result, the death of its worker or its own abort; a
// pool that is not at its full size in the end; descriptors, mappings and processes that are left.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { collect, descriptors, sharedMappings } = require('./memory.cjs');

const SECONDS = Number(process.argv[2] ?? 10);
const BACKEND = process.env.MULTIPROCESSING_BACKEND ?? 'native';
const SIZE = 4;
const FEEDERS = 3 * SIZE;
/** Without a task that settles for so long the pool hangs: the longest one takes some tens of milliseconds. */
const HANG_MS = 30_000;
/** Workers that are killed faster than they can work break a pool, and rightly. */
const TASKS_PER_BLOW = 10;

const bytes = Buffer.alloc(200_000, 7);
const work = {
  echo: (id) => id,
  later: (id) => new Promise((resolve) => setTimeout(resolve, id % 11, id)),
  busy: (id) => {
    for (const until = performance.now() + (id % 5); performance.now() < until;);
    return id;
  },
  large: (id, given) => ({ id, given }),
};

const tally = { made: 0, done: 0, died: 0, aborted: 0, retried: 0 };
const wrong = [];
const settled = new Set();

function settle(id) {
  if (settled.has(id)) wrong.push(`task ${id} settled twice`);
  settled.add(id);
}

const GIVEN_UP = new Error('given up');

/** Tasks that are never aborted, that may be, that have a limit, and that are given up soon, before their beginning or while they run. */
const LIMITS = [
  () => ({}),
  () => ({ timeout: 1e9 }),
  () => ({ taskTimeout: 1e9 }),
  () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(GIVEN_UP), Math.random() * 10);
    return { signal: controller.signal };
  },
];

function failed(error, id) {
  if (error === GIVEN_UP) {
    tally.aborted++;
    return;
  }
  if (!(error instanceof mp.WorkerDiedError) || error.signalCode !== 'SIGKILL')
    wrong.push(`task ${id}: ${error.stack}`);
  tally.died++;
}

async function call(pool) {
  const id = tally.made++;
  const names = Object.keys(work);
  const name = names[id % names.length];
  try {
    const retry = id % 3 === 0 ? 1 : 0;
    const limits = LIMITS[Math.floor(Math.random() * LIMITS.length)]();
    const value = await pool.apply(work[name], [id, name === 'large' ? bytes : 0], {
      ...limits,
      retry,
      priority: id % 4,
    });
    const answer = name === 'large' ? value.id : value;
    if (answer !== id) wrong.push(`task ${id} answered ${answer}`);
    tally.done++;
  } catch (error) {
    failed(error, id);
  }
  settle(id);
}

/** An iteration tells of each item by itself, so each must settle once as well. */
async function iterate(pool) {
  const items = Array.from({ length: 20 }, () => tally.made++);
  const open = new Set(items);
  const it = pool.imapUnordered(work.later, items, { chunkSize: 1 });
  let lost = 0;
  for (let i = 0; i < items.length; i++) {
    try {
      const { value } = await it.next();
      if (!open.delete(value)) wrong.push(`item ${value} came twice, or was never asked for`);
      tally.done++;
    } catch (error) {
      failed(error, 'of an iteration');
      lost++;
    }
  }
  if (!(await it.next()).done) wrong.push('an iteration gave more than was asked for');
  if (open.size !== lost) wrong.push(`${open.size} items did not come, ${lost} have died`);
  for (const id of items) settle(id);
}

/** Of each kind one at least, then by chance. */
function strike(pool, stopped, { kills, stops }) {
  const pids = pool.workerPids.filter((pid) => !stopped.has(pid));
  const pid = pids[Math.floor(Math.random() * pids.length)];
  if (pid === undefined) return undefined;
  try {
    if (kills === 0 || (stops > 0 && Math.random() < 0.6)) {
      process.kill(pid, 'SIGKILL');
      return 'kills';
    }
    process.kill(pid, 'SIGSTOP');
    stopped.add(pid);
    setTimeout(() => {
      stopped.delete(pid);
      try {
        process.kill(pid, Math.random() < 0.3 ? 'SIGKILL' : 'SIGCONT');
      } catch {
        // Somebody was faster.
      }
    }, Math.random() * 100);
    return 'stops';
  } catch {
    return undefined; // It has ended just now.
  }
}

const isAlive = (pid) => fs.existsSync(`/proc/${pid}`);

async function until(condition, what) {
  for (const end = performance.now() + HANG_MS; !(await condition()); await sleep(5))
    if (performance.now() > end) throw new Error(`never: ${what}`);
}

/** What the library makes once for a process is there afterwards. */
async function warmUp(startMethod) {
  const pool = new mp.Pool({ processes: 1, startMethod });
  await pool.apply(work.echo, [1]);
  pool.close();
  await pool.join();
}

async function storm(startMethod, seconds) {
  await warmUp(startMethod);
  const before = descriptors();
  const mappedBefore = sharedMappings();
  const pool = new mp.Pool({ processes: SIZE, startMethod });
  await pool.map(work.later, [1, 2, 3, 4], { chunkSize: 1 });
  const blows = { kills: 0, stops: 0 };
  const seen = new Set();
  const stopped = new Set();
  let settledAtBlow = settled.size;
  let headway = { settled: settled.size, at: performance.now() };
  const end = performance.now() + seconds * 1000;
  const striker = setInterval(() => {
    const now = performance.now();
    if (settled.size !== headway.settled) headway = { settled: settled.size, at: now };
    else if (now - headway.at > HANG_MS) throw new Error('nothing settles any more');
    for (const pid of pool.workerPids) seen.add(pid);
    if (settled.size < settledAtBlow + TASKS_PER_BLOW) return;
    settledAtBlow = settled.size;
    const blow = strike(pool, stopped, blows);
    if (blow !== undefined) blows[blow]++;
  }, 3);
  const feed = async (act) => {
    while (performance.now() < end) await act(pool);
  };
  await Promise.all([
    ...Array.from({ length: FEEDERS }, () => feed(call)),
    ...Array.from({ length: 2 }, () => feed(iterate)),
  ]);
  clearInterval(striker);
  await until(() => stopped.size === 0, 'the last stopped worker goes on');

  await until(() => pool.stats.workers === SIZE && pool.stats.busy === 0, 'full size');
  const answering = new Set();
  await until(async () => {
    const pids = await pool.map(
      (ms) => new Promise((resolve) => setTimeout(resolve, ms, process.pid)),
      Array(SIZE).fill(20),
      { chunkSize: 1 },
    );
    for (const pid of pids) answering.add(pid);
    return pool.workerPids.every((pid) => answering.has(pid));
  }, 'every worker answers');
  for (const pid of pool.workerPids) seen.add(pid);
  tally.retried += pool.stats.retried;
  pool.close();
  await pool.join();
  const left = [...seen].filter(isAlive);
  // The last ones go with the objects that the collector finds.
  await until(() => collect().then(() => sharedMappings() <= mappedBefore), 'no mapping is left');
  const extra = descriptors() - before;
  console.log(
    `pool storm, Node ${process.version}, ${BACKEND}, ${startMethod}: ${blows.kills} killed, ${blows.stops} stopped, ` +
      `${left.length} processes and ${Math.max(extra, 0)} descriptors left`,
  );
  assert.deepEqual(left, []);
  // Those that the library opens once per process and keeps.
  assert.ok(extra <= 8, `${extra} descriptors are left`);
  assert.ok(blows.kills > 0 && blows.stops > 0, 'hardly anything was done');
}

(async () => {
  const methods = mp.getAllStartMethods();
  for (const method of methods) await storm(method, SECONDS);
  console.log(
    `pool storm: ${tally.made} tasks, ${tally.done} done, ${tally.died} died, ${tally.aborted} given up, ${tally.retried} run again`,
  );
  if (wrong.length > 0) console.log(wrong.slice(0, 10).join('\n'));
  assert.deepEqual(
    { wrong: wrong.length, settled: settled.size },
    { wrong: 0, settled: tally.made },
  );
  assert.equal(tally.done + tally.died + tally.aborted, tally.made);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
