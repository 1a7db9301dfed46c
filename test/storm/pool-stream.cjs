// Very many tasks from an asynchronous generator through imapUnordered: `node pool-stream.cjs <tasks>`. Everything comes once, the
// generator is read no further ahead than it may be, and neither the pool's process nor a worker gathers memory.
'use strict';
const assert = require('node:assert/strict');
const mp = require('node-multiprocessing');
const { MIB, flat, heapOf, residentOf } = require('./memory.cjs');

const TASKS = Number(process.argv[2] ?? 100_000);
const WORKERS = 2;
const BUFFER = 64;
const SAMPLES = 12;
const EVERY = Math.floor(TASKS / SAMPLES);

/** Live bytes: less than three bytes a task in a run of a million. The resident ones come and go with V8's own mood. */
const HEAP_NOISE = 2 * MIB;
const RESIDENT_NOISE = 32 * MIB;

exports.work = (n) => (n % EVERY === 0 ? { n, pid: process.pid, heap: heapOf() } : n);

async function stream(startMethod, chunkSize) {
  const pool = new mp.Pool({ processes: WORKERS, startMethod });
  const read = { given: 0, taken: 0, ahead: 0 };
  async function* numbers() {
    for (let n = 0; n < TASKS; n++) {
      read.given++;
      read.ahead = Math.max(read.ahead, read.given - read.taken);
      yield n;
    }
  }
  const samples = { heap: [], resident: [], workerHeap: [], workerResident: [] };
  let sum = 0;
  for await (const result of pool.imapUnordered(exports.work, numbers(), {
    chunkSize,
    buffer: BUFFER,
  })) {
    read.taken++;
    sum += result.n ?? result;
    if (result.n === undefined) continue;
    samples.heap.push(heapOf());
    samples.resident.push(residentOf());
    samples.workerHeap.push(result.heap);
    samples.workerResident.push(Math.max(...pool.workerPids.map(residentOf)));
  }
  assert.equal(read.taken, TASKS);
  assert.equal(sum, (TASKS * (TASKS - 1)) / 2);
  assert.ok(read.ahead <= BUFFER + chunkSize, `read ${read.ahead} ahead of the consumer`);
  assert.equal(pool.stats.failed + pool.stats.restarted, 0);
  pool.close();
  await pool.join();
  return [
    flat('heap', samples.heap, HEAP_NOISE),
    flat('resident', samples.resident, RESIDENT_NOISE),
    flat('of a worker', samples.workerHeap, HEAP_NOISE),
    flat('resident', samples.workerResident, RESIDENT_NOISE),
  ].join(', ');
}

async function main() {
  for (const method of mp.getAllStartMethods()) {
    for (const chunkSize of [1, 16]) {
      const line = await stream(method, chunkSize);
      console.log(
        `pool stream, Node ${process.version}, ${method}: ${TASKS} tasks by ${chunkSize}: ${line}`,
      );
    }
  }
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
