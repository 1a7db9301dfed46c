// Messages from nothing to a length, to another process and back: `node queue-lengths.cjs <MiB>` through queues, `… <MiB> pipe` through a
// pipe. Where there is no memory for one the error has to say so, and there must be too little of it.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { getHeapStatistics } = require('node:v8');
const mp = require('node-multiprocessing');

const LONGEST = Number(process.argv[2] ?? 64) * 1024 * 1024;
const THROUGH = process.argv[3] ?? 'queue';
const BACKEND = process.env.MULTIPROCESSING_BACKEND ?? 'native';

/** In the item, in what came back, in the child's, and in two blocks; one more for what is kept for later. */
const COPIES = 6;

/** What the machine, or the control group, has left. On the fallback queues go by the heap as well. */
function available() {
  const meminfo = fs.readFileSync('/proc/meminfo', 'latin1');
  const machine = Number(/MemAvailable:\s+(\d+)/.exec(meminfo)[1]) * 1024;
  const allowed = process.constrainedMemory();
  const left = allowed > 0 ? Math.min(machine, allowed - process.memoryUsage().rss) : machine;
  return BACKEND === 'fallback' ? Math.min(left, getHeapStatistics().heap_size_limit) : left;
}

/** Around every power of two, by sixteens. */
function* lengths() {
  yield 0;
  for (let length = 1; length <= LONGEST; length *= 16) yield* [length, length + 1];
  yield* [LONGEST - 1, LONGEST];
}

/** Not the same at any two places near each other, and cheap to make. */
function fill(bytes, seed) {
  const part = Math.min(bytes.length, 4099);
  for (let i = 0; i < part; i++) bytes[i] = (i * 31 + seed) & 255;
  for (let done = part; done < bytes.length; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}

const viaQueues = (there, back) => ({
  put: (item) => there.put(item),
  get: () => back.get(),
});
const viaPipe = (end) => ({
  put: (item) => end.send(item),
  get: () => end.recv(),
});

async function echo({ put, get }) {
  for (;;) {
    const item = await get();
    if (item === null) return;
    await put(item);
  }
}
exports.echoQueues = (there, back) => echo(viaQueues(back, there));
exports.echoPipe = (end) => echo(viaPipe(end));

function open() {
  if (THROUGH === 'pipe') {
    const [end, other] = mp.Pipe();
    return { here: viaPipe(end), target: exports.echoPipe, args: [other] };
  }
  const queues = [new mp.Queue(), new mp.Queue()];
  return { here: viaQueues(...queues), target: exports.echoQueues, args: queues };
}

async function main() {
  const { here, ...work } = open();
  const child = new mp.Process({ ...work, daemon: true });
  await child.start();
  let count = 0;
  let longest = 0;
  for (const length of lengths()) {
    const item = fill(Buffer.allocUnsafeSlow(length), count);
    try {
      await here.put(item);
    } catch (error) {
      assert.ok(error instanceof mp.SystemError, error);
      assert.match(error.code, /^(ENOSPC|ENOMEM)$/);
      console.log(`no memory for ${length} bytes: ${error.message}`);
      const left = available();
      assert.ok(left < COPIES * length, `and yet ${left} bytes are available`);
      break;
    }
    const got = await Promise.race([here.get(), child.join()]);
    if (typeof got === 'number') throw new Error(`the child ended with ${got} at ${length} bytes`);
    assert.ok(item.equals(got), `${length} bytes came back as others`);
    count++;
    longest = length;
  }
  await here.put(null);
  assert.equal(await child.join(), 0);
  console.log(
    `${THROUGH} lengths, Node ${process.version}, ${BACKEND}: ${count} messages, the longest of ${longest} bytes`,
  );
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
