// Very many pools, one after the other: `node pool-many.cjs <pools>`. Made, used and closed, terminated, or dropped without a word,
// with work pending too: no child, descriptor, mapping or byte is left of any.
'use strict';
const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const {
  MIB,
  children,
  collect,
  descriptors,
  flat,
  heapOf,
  residentOf,
  sharedMappings,
} = require('./memory.cjs');

const POOLS = Number(process.argv[2] ?? 400);
/** A spawned worker is a whole new Node. */
const FORMS = {
  fork: { share: 1, rounds: 10 },
  spawn: { share: 1 / 25, rounds: 5 },
};
/** Dropped workers end when the collector has seen that their pool is gone: without one that ends for so long, none will. */
const HANG_MS = 60_000;
const HEAP_NOISE = 2 * MIB;
const RESIDENT_NOISE = 32 * MIB;

exports.double = (n) => n * 2;
exports.later = (n) => sleep(5, n);

async function use(pool) {
  assert.deepEqual(await pool.map(exports.double, [1, 2, 3]), [2, 4, 6]);
}

/** What becomes of a pool. */
const ends = [
  async (pool) => {
    await use(pool);
    pool.close();
    await pool.join();
  },
  async (pool) => {
    await use(pool);
    pool.terminate();
    await pool.join();
  },
  use,
  () => undefined,
  async (pool) => {
    const late = pool.applyAsync(exports.later, [1]);
    pool.terminate();
    await assert.rejects(late.get(), mp.CancelledError);
  },
  // What was given to a pool that nobody has any more is still done.
  (pool) => pool.apply(exports.later, [7]).then((n) => assert.equal(n, 7)),
];

async function childless() {
  for (let since = performance.now(), last = Infinity; ; await sleep(2)) {
    await collect();
    const left = children().length;
    if (left === 0) return;
    if (left < last) [since, last] = [performance.now(), left];
    if (performance.now() - since > HANG_MS) throw new Error(`${left} workers never end`);
  }
}

async function round(startMethod, pools) {
  for (let n = 0; n < pools; n++) {
    await ends[n % ends.length](new mp.Pool({ processes: 1 + (n % 2), startMethod }));
    if (n % 32 === 31) await collect();
  }
  await childless();
}

async function many(startMethod) {
  const { share, rounds } = FORMS[startMethod];
  const perRound = Math.max(ends.length, Math.ceil((POOLS * share) / rounds));
  const samples = { heap: [], resident: [] };
  const left = [];
  for (let done = 0; done < rounds; done++) {
    await round(startMethod, perRound);
    samples.heap.push(heapOf());
    samples.resident.push(residentOf());
    left.push([descriptors(), sharedMappings()]);
  }
  // What the library opens once per process and keeps is there after the first round.
  assert.deepEqual(left.at(-1), left[0], `descriptors and mappings: ${left.join(' ')}`);
  const lines = [
    flat('heap', samples.heap, HEAP_NOISE),
    flat('resident', samples.resident, RESIDENT_NOISE),
  ];
  console.log(
    `pools, Node ${process.version}, ${startMethod}: ${perRound * rounds} made and gone: ` +
      `${left[0][0]} descriptors and ${left[0][1]} mappings as after the first, ${lines.join(', ')}`,
  );
}

async function main() {
  for (const method of mp.getAllStartMethods()) await many(method);
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
