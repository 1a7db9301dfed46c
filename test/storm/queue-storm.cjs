// Random deaths among processes that put and get: `node queue-storm.cjs <seconds>`, `--short` or `--minutes <n>`. Every message has a
// number, a length and a checksum, and who got which is written down. Counts what must not happen: a message that is lost though
// nobody killed had it in hand, that comes twice, that is damaged or comes behind a later one of its producer, a worker that makes no headway, memory or descriptors that are
// gone at the end.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { Round } = require('./queues/round.cjs');
const { collectGarbage, descriptors, segmentKiB } = require('./segment.cjs');

const SHAPES = [
  ['Queue', () => new mp.Queue()],
  ['Queue of 20', () => new mp.Queue(20)],
  ['JoinableQueue', () => new mp.JoinableQueue()],
  ['JoinableQueue of 20', () => new mp.JoinableQueue(20)],
  ['Queue of 6 MiB', () => new mp.Queue({ maxBytes: 6 * 1024 * 1024 })],
];

const LOOKS = 10;
/**
 * KiB of places for queues, and for the parcels of spawned children: of how many at a time depends on when garbage is collected, and not
 * on how long the storm lasts.
 */
const PLACES = 512;

function milliseconds() {
  const [how = '10', minutes] = process.argv.slice(2);
  if (how === '--short') return 10_000;
  const ms = how === '--minutes' ? Number(minutes) * 60_000 : Number(how) * 1000;
  if (!(ms > 0)) throw new Error('usage: node queue-storm.cjs <seconds> | --short | --minutes <n>');
  return ms;
}

async function main() {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mp-queue-storm-'));
  const all = milliseconds();
  const begun = performance.now();
  // Each shape at least once, in the long form again and again.
  const each = Math.min(20_000, all / SHAPES.length);
  const totals = { rounds: 0, deaths: 0, stops: 0, promised: 0, lost: 0, inHands: 0, again: 0 };
  const wrong = [];
  // What is opened once and kept is there after this.
  await new Round(SHAPES[0], path.join(scratch, 'first')).run(0);
  const before = await atRest();
  do {
    for (const shape of SHAPES) {
      const round = new Round(shape, path.join(scratch, String(totals.rounds)));
      const { title, ...counts } = await round.run(each);
      for (const [name, count] of Object.entries(counts)) totals[name] += count;
      totals.rounds++;
      wrong.push(...round.wrong.map((what) => `${title}: ${what}`));
    }
  } while (performance.now() - begun + each * SHAPES.length <= all && wrong.length === 0);
  const after = await atRest(before);
  const growth = after.memory - before.memory;
  const extra = after.descriptors - before.descriptors;
  fs.rmSync(scratch, { recursive: true });
  const { rounds, deaths, stops, promised, lost, inHands, again } = totals;
  console.log(
    `queue storm, Node ${process.version}: ${rounds} queues, ${deaths} killed, ${stops} stopped, ${promised} messages, ${lost} lost of ` +
      `${inHands} in the hands of the killed, ${again} delivered again, ${Math.max(extra, 0)} descriptors left, ${before.memory} KiB at rest, ${growth} KiB grown`,
  );
  for (const what of wrong.slice(0, 50)) console.log(what);
  assert.deepEqual(wrong, []);
  assert.ok(extra <= 0, `${extra} descriptors are left`);
  assert.ok(growth <= PLACES, `the segment has grown by ${growth} KiB`);
  process.exit();
}

/**
 * Descriptors, and KiB of shared memory, when nobody has any queue: its blocks are free then, and the end of a child has free memory
 * given back. Looked at again while it is more than before, for the garbage collector takes its time.
 */
async function atRest(before = { memory: 0, descriptors: 0 }) {
  for (let look = 1; ; look++) {
    collectGarbage();
    await sleep(20);
    const child = new mp.Process({ target: () => {} });
    await child.start();
    assert.equal(await child.join(), 0);
    child.close();
    const now = { memory: segmentKiB(), descriptors: descriptors() };
    const less = now.memory <= before.memory && now.descriptors <= before.descriptors;
    if (less || look === LOOKS) return now;
  }
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
