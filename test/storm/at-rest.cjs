// What there is when nobody has anything shared: before a storm, and after it.
'use strict';
const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const segment = require('./segment.cjs');

const LOOKS = 10;
/**
 * KiB of places for queues, and for the parcels of spawned children: of how many at a time depends on when garbage is collected, and not
 * on how long the storm lasts.
 */
const PLACES = 512;

const look = () => ({
  descriptors: segment.descriptors(),
  memory: segment.segmentKiB(),
  places: segment.placesInUse(),
  blocks: segment.blocksInUse(),
  rows: segment.rowsInUse(),
});

/**
 * The end of a child has free memory given back. Looked at again while there is more of anything than before, for the garbage collector
 * takes its time.
 */
exports.atRest = async (before) => {
  for (let looks = 1; ; looks++) {
    segment.collectGarbage();
    await sleep(20);
    const child = new mp.Process({ target: () => {} });
    await child.start();
    assert.equal(await child.join(), 0);
    child.close();
    const now = look();
    const less = before && Object.keys(now).every((what) => now[what] <= before[what]);
    if (less || looks === LOOKS) return now;
  }
};

/** Words about what is left, and what of it is wrong. Places are never given back: `places` KiB of them may have come to be used at a time. */
exports.compare = (before, after, places = PLACES) => {
  const more = (what) => after[what] - before[what];
  const wrong = ['descriptors', 'places', 'blocks', 'rows']
    .filter((what) => more(what) > 0)
    .map((what) => `${more(what)} ${what} are left`);
  if (more('memory') > places) wrong.push(`the segment has grown by ${more('memory')} KiB`);
  const line =
    `${Math.max(more('descriptors'), 0)} descriptors, ${more('places')} objects, ${more('blocks')} blocks and ${more('rows')} participants left, ` +
    `${before.memory} KiB at rest, ${more('memory')} KiB grown`;
  return { line, wrong };
};
