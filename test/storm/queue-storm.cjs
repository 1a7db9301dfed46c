// Random deaths among processes that put and get: `node queue-storm.cjs <seconds>`, `--short` or `--minutes <n>`. Every message has a
// number, a length and a checksum, and who got which is written down. Counts what must not happen: a message that is lost though
// nobody killed had it in hand, that comes twice, that is damaged or comes behind a later one of its producer, a worker that makes no
// headway, memory, blocks, objects, participants or descriptors that are gone at the end.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const mp = require('node-multiprocessing');
const { atRest, compare } = require('./at-rest.cjs');
const { Round } = require('./queues/round.cjs');
const { collectGarbage } = require('./segment.cjs');

const SHAPES = [
  ['Queue', () => new mp.Queue()],
  ['Queue of 20', () => new mp.Queue(20)],
  ['JoinableQueue', () => new mp.JoinableQueue()],
  ['JoinableQueue of 20', () => new mp.JoinableQueue(20)],
  ['Queue of 6 MiB', () => new mp.Queue({ maxBytes: 6 * 1024 * 1024 })],
  ['SimpleQueue', () => new mp.SimpleQueue()],
];

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
      // This process makes too little garbage for that: else the places of all rounds are in use at a time, and never given back.
      collectGarbage();
    }
  } while (performance.now() - begun + each * SHAPES.length <= all && wrong.length === 0);
  const rest = compare(before, await atRest(before));
  fs.rmSync(scratch, { recursive: true });
  const { rounds, deaths, stops, promised, lost, inHands, again } = totals;
  console.log(
    `queue storm, Node ${process.version}: ${rounds} queues, ${deaths} killed, ${stops} stopped, ${promised} messages, ${lost} lost of ` +
      `${inHands} in the hands of the killed, ${again} delivered again, ${rest.line}`,
  );
  for (const what of wrong.slice(0, 50)) console.log(what);
  assert.deepEqual([...wrong, ...rest.wrong], []);
  process.exit();
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
