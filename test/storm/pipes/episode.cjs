// One pipe of the storm, from its making to its end: who has its ends, how they got them, and who is killed or stopped meanwhile.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const mp = require('node-multiprocessing');
const { Records } = require('../queues/records.cjs');
const { judge } = require('./judge.cjs');
const { pick, upTo } = require('./receives.cjs');
const { OUTCOME, SENDING_IS_OVER, SENT, work } = require('./workers.cjs');

/** The end of an episode takes what is in the pipe and the processes that still run: on a loaded machine a second or two. */
const HANG_MS = 30_000;
const TICK_MS = 5;

const byFork = mp.getContext('fork').Process;
const bySpawn = mp.getContext('spawn').Process;

/** As many on each side, natively several may read from an end at once: each message is somebody's, whole. */
function choosePlan() {
  const duplex = Math.random() < 0.4;
  const what = pick(['values', 'values', 'bytes']);
  /** Many short messages, or few of up to 4 MiB. */
  const bits = pick([8, 8, 14, 22]);
  const several = () => (Math.random() < 0.3 ? 2 : 1);
  const quits = () => (Math.random() < 0.15 ? upTo(10) : 0);
  const [left, right] = duplex
    ? [
        { what, receives: true, sends: true, patient: false },
        { what, receives: true, sends: true, patient: true },
      ]
    : [
        { what, receives: true, sends: false, patient: true },
        { what, receives: false, sends: true, patient: false },
      ];
  const roles = [
    ...Array.from({ length: several() }, () => ({ ...left, bits, side: 0, quits: quits() })),
    ...Array.from({ length: several() }, () => ({ ...right, bits, side: 1, quits: quits() })),
  ];
  const given = pick(['arguments', 'arguments', 'pipe', 'queue']);
  return { duplex, roles, given, ms: 20 + Math.random() * 200, blows: pick([0, 1, 1, 2, 3]) };
}

class Episode {
  constructor(folder) {
    this.plan = choosePlan();
    this.folder = folder;
    this.records = Records.make(folder);
    /** One for each role: child, life, role, whether it was killed, the queue that brings its end. */
    this.workers = [];
    this.stops = 0;
  }

  get title() {
    const { duplex, roles, given } = this.plan;
    const sides = [0, 1].map((side) => roles.filter((role) => role.side === side).length);
    return `${duplex ? 'duplex' : 'one way'}, ${sides.join(' to ')}, ${roles[0].what}, by ${given}`;
  }

  async run() {
    await this.start();
    const end = performance.now() + this.plan.ms;
    for (let blow = 0; blow < this.plan.blows && performance.now() < end; blow++) {
      await sleep(Math.random() * Math.max(0, end - performance.now()));
      await this.strike(pick(this.workers));
    }
    await sleep(Math.max(0, end - performance.now()));
    this.records.stop = true;
    await this.finish();
    const counts = judge(this);
    this.records.close();
    fs.rmSync(this.folder, { recursive: true });
    return counts;
  }

  async start() {
    const { duplex, roles, given } = this.plan;
    if (given === 'arguments') {
      const ends = mp.Pipe({ duplex });
      // The first one is told of its end before anything is waited for: from then on no other child that is forked has it.
      await Promise.all(roles.map((role, slot) => this.begin(slot, { end: ends[role.side] })));
      for (const end of ends) end.close();
      return;
    }
    const ways = roles.map(() => (given === 'pipe' ? mp.Pipe({ duplex: false }) : new mp.Queue()));
    const told = (way) => (given === 'pipe' ? { control: way[0] } : { queue: way });
    await Promise.all(ways.map((way, slot) => this.begin(slot, told(way))));
    // In one go: a child that is forked meanwhile would have both ends, as nobody is given them by arguments.
    const ends = mp.Pipe({ duplex });
    for (const [slot, way] of ways.entries()) {
      const message = { end: ends[roles[slot].side] };
      if (given === 'pipe') this.sendControl(way, message);
      else {
        way.putSync(message);
        this.workers[slot].queue = way;
      }
    }
    for (const end of ends) end.close();
  }

  sendControl([reader, writer], message) {
    reader.close();
    try {
      writer.sendSync(message);
    } catch (error) {
      if (!(error instanceof mp.BrokenPipeError)) throw error;
    }
    writer.close();
  }

  async begin(slot, given) {
    const life = slot + 1;
    const role = this.plan.roles[slot];
    const Class = Math.random() < 0.1 ? bySpawn : byFork;
    const args = [this.folder, slot, life, { role, ...given }];
    const child = new Class({ target: work, args, daemon: true });
    const worker = { child, slot, life, role, killed: false, ended: false };
    this.workers[slot] = worker;
    await child.start();
    void child.join().then(() => (worker.ended = true));
  }

  async strike(worker) {
    if (worker.ended) return;
    const { child } = worker;
    try {
      const stops = Math.random() < 0.4;
      if (stops) {
        this.stops++;
        process.kill(child.pid, 'SIGSTOP');
        await sleep(Math.random() * 50);
      }
      if (!stops || Math.random() < 0.5) process.kill(child.pid, 'SIGKILL');
      if (stops) process.kill(child.pid, 'SIGCONT');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error; // It has ended just now.
    }
  }

  /** Everybody comes to an end: by what was put in, or by what the other side was. */
  async finish() {
    const { records, workers } = this;
    const begun = performance.now();
    for (; ; await sleep(TICK_MS)) {
      for (const { queue, ended } of workers) if (queue && ended) takeBack(queue);
      const left = workers.filter(({ ended }) => !ended);
      if (left.length === 0) break;
      const sent = left.every(({ slot }) => records.read(records.board, SENT + slot) === 1);
      if (this.plan.duplex && sent) records.write(records.board, 0, SENDING_IS_OVER);
      if (performance.now() - begun > HANG_MS) this.hangs(left);
    }
    this.took = performance.now() - begun;
    for (const worker of workers) {
      const { child, slot } = worker;
      // Struck when it had just ended by itself, it was not.
      worker.killed = child.exitCode === -9;
      assert.equal(child.exitCode, worker.killed ? -9 : 0, `${this.title}: how a process ended`);
      worker.outcome = records.read(records.board, OUTCOME + slot);
      child.close();
    }
  }

  hangs(left) {
    const lines = left.map(({ child, slot, role }) => {
      const scene = ['wchan', 'syscall'].map((name) =>
        fs.readFileSync(`/proc/${child.pid}/${name}`, 'utf8').trim(),
      );
      const said = [2 * slot, 2 * slot + 1].map((line) => this.records.said(line)).join('; ');
      return `process ${child.pid}, side ${role.side}: ${said} (${scene.join(' ')})`;
    });
    const dead = this.workers.filter(({ ended }) => ended).map(({ role }) => role.side);
    throw new Error(
      `${this.title}: hangs, with ${dead.length} ended (sides ${dead.join(', ')}):\n${lines.join('\n')}`,
    );
  }
}

/** An end that was meant for somebody who was killed before. */
function takeBack(queue) {
  try {
    for (;;) queue.getNowait().end.close();
  } catch (error) {
    if (!(error instanceof mp.QueueEmptyError)) throw error;
  }
}

module.exports = { Episode };
