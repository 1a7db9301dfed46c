// Random deaths among processes that have the ends of short-lived pipes: `node pipe-storm.cjs <seconds>`. Every message has a number, a
// length and a checksum, and who got which is written down. Counts what must not happen: a message that is damaged, comes twice or
// behind a later one of its sender; one that is lost though it was in the pipe, somebody read to the end, and nobody killed had it in
// hand; a process that is told of the end of the stream, or that nobody reads, too early or never; memory, blocks, objects,
// participants or descriptors that are gone at the end.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { atRest, compare } = require('./at-rest.cjs');
const { Episode } = require('./pipes/episode.cjs');
const { collectGarbage } = require('./segment.cjs');

const SECONDS = Number(process.argv[2] ?? 10);
/** Pipes at a time. */
const LANES = 3;
const WARM_UP_MS = 1000;
/** KiB: a pipe may be full of messages of which each carries an end of another one, whose two queues take 32 KiB. */
const PLACES = 16 * 1024;

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mp-pipe-storm-'));
const totals = {
  pipes: 0,
  deaths: 0,
  stops: 0,
  messages: 0,
  lost: 0,
  inHands: 0,
  ends: 0,
  broken: 0,
  /** Of the ends of the pipes, in milliseconds. */
  slowest: 0,
};
const wrong = [];

async function lane(end) {
  do {
    const { wrong: here, ...counts } = await new Episode(
      path.join(scratch, String(totals.pipes++)),
    ).run();
    for (const [name, count] of Object.entries(counts)) {
      totals[name] = name === 'slowest' ? Math.max(totals.slowest, count) : totals[name] + count;
    }
    wrong.push(...here);
    // Queues that have brought ends are nobody's any more, and their places the next ones'.
    if (totals.pipes % 5 === 0) collectGarbage();
  } while (performance.now() < end && wrong.length === 0);
}

(async () => {
  const lanes = (ms) => {
    const end = performance.now() + ms;
    return Promise.all(Array.from({ length: LANES }, () => lane(end)));
  };
  // What is opened once and kept is there after this, and as many places as there are pipes at a time.
  await lanes(WARM_UP_MS);
  const before = await atRest();
  await lanes(SECONDS * 1000);
  const rest = compare(before, await atRest(before), PLACES);
  fs.rmSync(scratch, { recursive: true });
  const { pipes, deaths, stops, messages, lost, inHands, ends, broken, slowest } = totals;
  console.log(
    `pipe storm, Node ${process.version}: ${pipes} pipes, ${deaths} killed, ${stops} stopped, ${messages} messages, ${lost} lost of ` +
      `${inHands} in the hands of the killed, ${ends} ends of the stream and ${broken} broken pipes seen, the slowest end ${slowest} ms, ${rest.line}`,
  );
  for (const what of wrong.slice(0, 50)) console.log(what);
  assert.deepEqual([...wrong, ...rest.wrong], []);
  assert.ok(deaths > 0 && stops > 0 && ends > 0 && messages > pipes, 'hardly anything was done');
  process.exit();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
