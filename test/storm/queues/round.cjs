// One queue of the storm, from its making to its end, and what became of every message.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { addTo, beCalm } = require('./calm.cjs');
const { judge } = require('./judge.cjs');
const { Records } = require('./records.cjs');
const { END, IS_FALLBACK, consume, produce } = require('./workers.cjs');

const PRODUCERS = 3;
const CONSUMERS = 3;
/** Without headway for so long a worker hangs: waits end as soon as another worker does anything, on a loaded machine in seconds. */
const HANG_MS = 30_000;
/** A calm at the end of each second, or of a shorter round, in which nobody is killed or stopped. */
const CALM_EVERY_MS = 1000;
const CALM_MS = 250;

const byFork = IS_FALLBACK ? undefined : mp.getContext('fork').Process;
const bySpawn = mp.getContext('spawn').Process;
/** By spawn, of every start method. */
const SPAWNED = IS_FALLBACK ? 1 : 0.15;
/** How many of the blows on a child that has not come to open what it was sent are carried out: where all are spawned most would be. */
const ON_UNBORN = IS_FALLBACK ? 0.2 : 1;
/** Between two blows, at most: a spawned one takes a while to come up. */
const BREAK_MS = IS_FALLBACK ? 150 : 30;

/**
 * One queue, from its making to its end. With `onlyProducersDie` nothing excuses a message that is lost, comes again or out of order:
 * in other rounds one that went with its producer could be taken for one of those that killed consumers had in hand.
 */
class Round {
  constructor([title, make, room], folder, { onlyProducersDie = false } = {}) {
    this.title = onlyProducersDie ? `${title}, only producers killed` : title;
    this.onlyProducersDie = onlyProducersDie;
    this.folder = folder;
    this.records = Records.make(folder);
    this.queue = make();
    this.room = room;
    this.redelivers = this.queue instanceof mp.JoinableQueue;
    /** Closed both ways: it has no size, and no end but the items that say so. */
    this.isSimple = this.queue instanceof mp.SimpleQueue;
    this.workers = [];
    this.lives = 0;
    this.deaths = 0;
    /** Of those, of spawned children that had not come to open what they were sent. */
    this.unborn = 0;
    this.stops = 0;
    this.calm = {};
    /** Killed consumers: life → how many it was about to get, or had got and not written down or done. */
    this.hands = new Map();
  }

  async start(slot) {
    const life = ++this.lives;
    const target = slot < PRODUCERS ? produce : consume;
    const spawned = Math.random() < SPAWNED;
    const Class = spawned ? bySpawn : byFork;
    const args = [this.queue, this.folder, slot, life];
    // Killed with the parent, which ends when it finds something wrong.
    const child = new Class({ target, args, daemon: true });
    const seen = this.records.headway(slot);
    await child.start();
    this.workers[slot] = { child, life, spawned, first: seen, seen, since: performance.now() };
  }

  async run(ms) {
    for (let slot = 0; slot < PRODUCERS + CONSUMERS; slot++) await this.start(slot);
    const end = performance.now() + ms;
    do {
      const calmAt = Math.min(end, performance.now() + CALM_EVERY_MS) - CALM_MS;
      while (performance.now() < calmAt || !this.hasStormed()) {
        await sleep(Math.random() * BREAK_MS);
        await this.strike(Math.floor(Math.random() * this.workers.length));
        this.look();
      }
      addTo(this.calm, await beCalm(this, CALM_MS));
    } while (performance.now() < end);
    await this.finish();
    // Whatever is still held of the round, it is not what it shared.
    this.queue = undefined;
    this.workers = [];
    return this.judge();
  }

  /** So much of each there is in every round. */
  hasStormed() {
    if (this.deaths === 0 || this.stops === 0) return false;
    for (let life = 1; life <= this.lives; life++)
      if (this.records.read(this.records.ledger, life) > 0) return true;
    return false;
  }

  isUnborn(slot) {
    const { spawned, first } = this.workers[slot];
    return spawned && this.records.headway(slot) === first;
  }

  async strike(slot) {
    const { child, life } = this.workers[slot];
    if (this.isUnborn(slot) && Math.random() > ON_UNBORN) return;
    const mayDie = slot < PRODUCERS || !this.onlyProducersDie;
    if (!mayDie || this.stops === 0 || Math.random() < 0.3) {
      // One that stands still is not dead, and nobody may take it for that, or wait for it.
      this.stops++;
      process.kill(child.pid, 'SIGSTOP');
      await sleep(Math.random() * 50);
      const killed = mayDie && Math.random() < 0.5;
      if (killed) child.kill();
      process.kill(child.pid, 'SIGCONT');
      if (!killed) return;
    }
    child.kill();
    await child.join();
    assert.equal(child.exitCode, -9, `${this.title}: a worker ended by itself`);
    child.close();
    this.deaths++;
    if (this.isUnborn(slot)) this.unborn++;
    if (slot >= PRODUCERS) this.hands.set(life, this.records.inHand(slot));
    this.records.setInHand(slot, 0);
    await this.start(slot);
  }

  /** Whether there is what this worker could wait for: a message, or room. */
  mayGoOn(slot) {
    if (this.isSimple) return slot < PRODUCERS || !this.queue.empty();
    const size = this.queue.qsize();
    return slot < PRODUCERS ? size < this.room : size > 0;
  }

  look() {
    for (const [slot, worker] of this.workers.entries()) {
      const seen = this.records.headway(slot);
      const now = performance.now();
      if (seen !== worker.seen) Object.assign(worker, { seen, since: now });
      else if (now - worker.since > HANG_MS) this.hangs(slot);
    }
  }

  hangs(slot) {
    const { child, life } = this.workers[slot];
    const scene = ['wchan', 'syscall'].map((name) => fs.readFileSync(`/proc/${child.pid}/${name}`));
    const what = slot < PRODUCERS ? 'producer' : 'consumer';
    const left = this.isSimple ? !this.queue.empty() : this.queue.qsize();
    throw new Error(
      `${this.title}: ${what} ${life}, process ${child.pid}, makes no headway: ${scene.join(' ')}; in the queue: ${left}`,
    );
  }

  /** The producers end, then the queue, then the consumers. */
  async finish() {
    this.records.stop = true;
    await this.allEnd(0, PRODUCERS);
    if (this.isSimple) for (let i = 0; i < CONSUMERS; i++) await this.queue.put(END);
    else this.queue.close();
    await this.allEnd(PRODUCERS, PRODUCERS + CONSUMERS);
    const isEmpty = this.isSimple ? this.queue.empty() : this.queue.qsize() === 0;
    assert.ok(isEmpty, `${this.title}: something is left`);
    if (this.isSimple) this.queue.close();
    if (this.redelivers) await this.queue.join({ timeout: 0 });
    await assert.rejects(this.queue.get(), mp.QueueClosedError);
  }

  async allEnd(from, to) {
    for (let slot = from; slot < to; slot++) {
      const { child } = this.workers[slot];
      const code = await child.join({ timeout: HANG_MS });
      if (code === null) this.hangs(slot);
      assert.equal(code, 0, `${this.title}: how worker ${slot} ended`);
      child.close();
    }
  }

  judge() {
    const { records, folder, lives, hands, redelivers, deaths, unborn, stops, calm } = this;
    // On the fallback one that was killed may have got a message, and not have said so.
    const mayComeAgain = redelivers || IS_FALLBACK;
    const counts = judge({ records, folder, lives, hands, redelivers, mayComeAgain });
    records.close();
    fs.rmSync(folder, { recursive: true });
    return { deaths, unborn, stops, ...calm, ...counts };
  }
}

module.exports = { Round };
