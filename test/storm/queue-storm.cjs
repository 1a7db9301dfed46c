// Random deaths among processes that put and get: `node queue-storm.cjs <seconds>`, `--short` or `--minutes <n>`. Every message has a
// number, a length and a checksum, and who got which is written down. Counts what must not happen: a message that is lost though
// nobody killed had it in hand, that comes twice, that is damaged or comes behind a later one of its producer, a worker that makes no
// headway, memory, blocks, objects, participants or descriptors that are gone at the end. In every other round producers alone are
// killed, and nothing is in anybody's hands. With MULTIPROCESSING_BACKEND=fallback all are spawned, and wait in their event loops.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const mp = require('node-multiprocessing');
const { atRest, compare } = require('./at-rest.cjs');
const { LOOKS_AROUND_MS, addTo } = require('./queues/calm.cjs');
const { Round } = require('./queues/round.cjs');
const { IS_FALLBACK } = require('./queues/workers.cjs');
const { collectGarbage } = require('./segment.cjs');

/** Title, how it is made, and fewer items than these leave room for sure. */
const SHAPES = [
  ['Queue', () => new mp.Queue(), Infinity],
  ['Queue of 20', () => new mp.Queue(20), 20],
  ['JoinableQueue', () => new mp.JoinableQueue(), Infinity],
  ['JoinableQueue of 20', () => new mp.JoinableQueue(20), 20],
  ['Queue of 6 MiB', () => new mp.Queue({ maxBytes: 6 * 1024 * 1024 }), 1],
  ['SimpleQueue', () => new mp.SimpleQueue(), Infinity],
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
  const totals = { rounds: 0 };
  const wrong = [];
  // What is opened once and kept is there after this.
  await new Round(SHAPES[0], path.join(scratch, 'first')).run(0);
  const before = await atRest();
  let passes = 0;
  do {
    for (const [index, shape] of SHAPES.entries()) {
      const folder = path.join(scratch, String(totals.rounds));
      // Every other one, and each shape both ways in turn.
      const round = new Round(shape, folder, { onlyProducersDie: (passes + index) % 2 === 0 });
      const { wrong: here, ...counts } = await round.run(each);
      addTo(totals, counts);
      totals.rounds++;
      wrong.push(...here.map((what) => `${round.title}: ${what}`));
      // This process makes too little garbage for that: else the places of all rounds are in use at a time, and never given back.
      collectGarbage();
    }
    passes++;
  } while (performance.now() - begun + each * SHAPES.length <= all && wrong.length === 0);
  const rest = compare(before, await atRest(before));
  fs.rmSync(scratch, { recursive: true });
  const { rounds, deaths, unborn, stops, promised, lost, inHands, again } = totals;
  const { calmMs, longestStep, longestSleep, missed } = totals;
  console.log(
    `queue storm, Node ${process.version}${IS_FALLBACK ? ', fallback' : ''}: ${rounds} queues, ${deaths} killed, ${unborn} of them unborn, ` +
      `${stops} stopped, ${promised} messages, ${lost} lost of ${inHands} in the hands of the killed, ${again} delivered again, ` +
      `in ${Math.round(calmMs / 1000)} s of calm the longest step ${Math.round(longestStep)} ms, the longest sleep beside what was there ` +
      `${Math.round(longestSleep)} ms and ${missed} of ${LOOKS_AROUND_MS} or more, ${rest.line}`,
  );
  for (const what of wrong.slice(0, 50)) console.log(what);
  assert.deepEqual([...wrong, ...rest.wrong], []);
  assert.ok(deaths > 0 && stops > 0 && promised > 0, 'hardly anything was done');
  process.exit();
}

if (require.main === module) {
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
