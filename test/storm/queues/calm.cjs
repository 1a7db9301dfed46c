// What is seen of the workers of a queue while nobody is killed or stopped. A wake-up that went missing is made good when its sleeper
// looks around by itself, so it is no hang: here it is told of.
'use strict';
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');

const LOOK_MS = 5;
/** Looks that are further apart, since others had the processor, may have missed that a sleeper was awake in between. */
const TOO_FAR_APART_MS = 25;
/** Who sleeps looks around after so long, and then after longer. */
const LOOKS_AROUND_MS = 100;

/** Neither at work nor kept from it by others who have the processors. */
function isAsleep(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('S');
  } catch {
    return false; // It has ended by itself, which is told when it is struck or waited for.
  }
}

class Watched {
  constructor({ child, first }, headway, now) {
    this.pid = child.pid;
    this.first = first;
    this.headway = headway;
    this.since = now;
    this.lookedAt = now;
    this.asleepSince = Infinity;
    this.slept = 0;
  }
  /** `mayGoOn`: there is what it could wait for. */
  look(seen, headway, mayGoOn, now) {
    const hasBegun = this.headway !== this.first;
    if (hasBegun) seen.longestStep = Math.max(seen.longestStep, now - this.since);
    const hasGoneOn = headway !== this.headway;
    if (hasGoneOn) Object.assign(this, { headway, since: now });
    const isLate = now - this.lookedAt > TOO_FAR_APART_MS;
    this.lookedAt = now;
    if (hasGoneOn || !hasBegun || !mayGoOn || !isAsleep(this.pid)) this.asleepSince = Infinity;
    else if (isLate || this.asleepSince === Infinity) this.asleepSince = now;
    const slept = Math.max(0, now - this.asleepSince);
    if (slept >= LOOKS_AROUND_MS && this.slept < LOOKS_AROUND_MS) seen.missed++;
    this.slept = slept;
    seen.longestSleep = Math.max(seen.longestSleep, slept);
  }
}

/**
 * For so many milliseconds: the longest time from one headway of a worker to the next, the longest that one slept although there was at
 * every look what it could wait for, and how often that was as long as it takes to look around.
 */
exports.beCalm = async (round, ms) => {
  const { workers, records } = round;
  const begun = performance.now();
  const seen = { calmMs: 0, longestStep: 0, longestSleep: 0, missed: 0 };
  const watched = workers.map((worker, slot) => new Watched(worker, records.headway(slot), begun));
  for (let now = begun; now - begun < ms; seen.calmMs = now - begun) {
    await sleep(LOOK_MS);
    now = performance.now();
    for (const [slot, each] of watched.entries())
      each.look(seen, records.headway(slot), round.mayGoOn(slot), now);
  }
  return seen;
};

/** Of what is the longest the longest, of all else the sum. */
exports.addTo = (totals, counts) => {
  for (const [name, count] of Object.entries(counts)) {
    const before = totals[name] ?? 0;
    totals[name] = name.startsWith('longest') ? Math.max(before, count) : before + count;
  }
};
exports.LOOKS_AROUND_MS = LOOKS_AROUND_MS;
