// One queue of the storm, from its making to its end, and what became of every message.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { ENTRY, Records } = require('./records.cjs');
const { END, MOST_AT_ONCE, consume, produce } = require('./workers.cjs');

const PRODUCERS = 3;
const CONSUMERS = 3;
/** Without headway for so long a worker hangs: waits end as soon as another worker does anything, on a loaded machine in seconds. */
const HANG_MS = 30_000;

const byFork = mp.getContext('fork').Process;
const bySpawn = mp.getContext('spawn').Process;

/** One queue, from its making to its end. */
class Round {
  constructor(shape, folder) {
    [this.title, this.make] = shape;
    this.folder = folder;
    this.records = Records.make(folder);
    this.queue = this.make();
    this.redelivers = this.queue instanceof mp.JoinableQueue;
    /** Closed both ways: it has no size, and no end but the items that say so. */
    this.isSimple = this.queue instanceof mp.SimpleQueue;
    this.workers = [];
    this.lives = 0;
    this.deaths = 0;
    this.stops = 0;
    /** Killed consumers: life → how many it was about to get, or had got and not written down or done. */
    this.hands = new Map();
    this.wrong = [];
  }

  async start(slot) {
    const life = ++this.lives;
    const target = slot < PRODUCERS ? produce : consume;
    const spawned = Math.random() < 0.15;
    const Class = spawned ? bySpawn : byFork;
    const args = [this.queue, this.folder, slot, life];
    // Killed with the parent, which ends when it finds something wrong.
    const child = new Class({ target, args, daemon: true });
    await child.start();
    const seen = this.records.headway(slot);
    this.workers[slot] = { child, life, spawned, first: seen, seen, since: performance.now() };
  }

  async run(ms) {
    for (let slot = 0; slot < PRODUCERS + CONSUMERS; slot++) await this.start(slot);
    const end = performance.now() + ms;
    while (performance.now() < end) {
      await sleep(Math.random() * 30);
      await this.strike(Math.floor(Math.random() * this.workers.length));
      this.lookForHangs();
    }
    await this.finish();
    // Whatever is still held of the round, it is not what it shared.
    this.queue = undefined;
    this.workers = [];
    return this.judge();
  }

  async strike(slot) {
    const { child, life, spawned, first } = this.workers[slot];
    // Until it has opened the queue that it was sent, the reference is in nobody's hands: the queue would have no end.
    if (spawned && this.records.headway(slot) === first) return;
    if (Math.random() < 0.3) {
      // One that stands still is not dead, and nobody may take it for that, or wait for it.
      this.stops++;
      process.kill(child.pid, 'SIGSTOP');
      await sleep(Math.random() * 50);
      const killed = Math.random() < 0.5;
      if (killed) child.kill();
      process.kill(child.pid, 'SIGCONT');
      if (!killed) return;
    }
    child.kill();
    await child.join();
    assert.equal(child.exitCode, -9, `${this.title}: a worker ended by itself`);
    child.close();
    this.deaths++;
    if (slot >= PRODUCERS) this.hands.set(life, this.records.inHand(slot));
    this.records.setInHand(slot, 0);
    await this.start(slot);
  }

  lookForHangs() {
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
    const { records } = this;
    const log = fs.readFileSync(path.join(this.folder, 'log'));
    assert.equal(log.length % ENTRY, 0);
    /** life → number → who got it. */
    const got = Array.from({ length: this.lives + 1 }, () => new Map());
    /** Of a producer and a consumer the last number, and how many came behind a later one. */
    const newest = new Map();
    let late = 0;
    for (let at = 0; at < log.length; at += ENTRY) {
      const [life, number, whole, by] = [0, 4, 8, 12].map((offset) =>
        log.readUInt32LE(at + offset),
      );
      if (whole !== 1) this.wrong.push(`message ${life}/${number} is damaged`);
      const numbers = got[life] ?? this.wrong.push(`nobody is ${life}`);
      if (numbers instanceof Map) numbers.set(number, [...(numbers.get(number) ?? []), by]);
      const line = `${life} ${by}`;
      const before = newest.get(line) ?? 0;
      if (number < before) late++;
      else newest.set(line, number);
    }
    let promised = 0;
    let lost = 0;
    let again = 0;
    /** Consumer → how many messages it had written down and others got again: of one that was not killed none may. */
    const handedOn = new Map();
    for (let life = 1; life <= this.lives; life++) {
      const last = records.read(records.ledger, life);
      promised += last;
      for (let number = 1; number <= last; number++) if (!got[life].has(number)) lost++;
      for (const [number, by] of got[life]) {
        if (number > last + MOST_AT_ONCE) this.wrong.push(`message ${life}/${number} was not put`);
        if (by.length > 1 && !this.redelivers) {
          this.wrong.push(`message ${life}/${number} was got by ${by.join(', ')}`);
        }
        if (by.length < 2) continue;
        again += by.length - 1;
        // In the order of the log: who got it last did not hand it on, killed later or not.
        for (const each of by.slice(0, -1)) handedOn.set(each, (handedOn.get(each) ?? 0) + 1);
      }
    }
    for (const [life, count] of handedOn) {
      if (count > (this.hands.get(life) ?? 0))
        this.wrong.push(`${count} messages of ${life} came again`);
    }
    const inHands = [...this.hands.values()].reduce((sum, count) => sum + count, 0);
    // What the killed had in hand comes back when others have got later ones.
    if (late > inHands) this.wrong.push(`${late} messages came out of order`);
    if (lost > (this.redelivers ? 0 : inHands)) this.wrong.push(`${lost} messages are lost`);
    records.close();
    fs.rmSync(this.folder, { recursive: true });
    return {
      title: this.title,
      deaths: this.deaths,
      stops: this.stops,
      promised,
      lost,
      inHands,
      again,
    };
  }
}

module.exports = { Round };
