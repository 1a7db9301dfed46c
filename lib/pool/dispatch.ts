/** Who gets which task when. */
import type { PoolWorker } from './pool-worker.js';
import type { Roster } from './roster.js';
import type { StatsCounter } from './stats.js';
import type { Task } from './task.js';
import { TaskQueue } from './task-queue.js';
import { LATE_MS } from './tasks-ahead.js';

export interface DispatchOptions {
  readonly maxTasksPerChild?: number | undefined;
  /** Tasks that may wait for a worker. */
  readonly maxQueue?: number | undefined;
}

export class Dispatch {
  readonly queue = new TaskQueue();
  readonly #roster: Roster;
  readonly #stats: StatsCounter;
  readonly #maxTasksPerChild: number;
  readonly #maxQueue: number;
  /** What was recalled is to be given again in a moment. */
  #isToRun = false;
  /** When it was last seen to who is late. */
  #lookedAt = 0;

  constructor(roster: Roster, stats: StatsCounter, options: DispatchOptions) {
    this.#roster = roster;
    this.#stats = stats;
    this.#maxTasksPerChild = options.maxTasksPerChild ?? Infinity;
    this.#maxQueue = options.maxQueue ?? Infinity;
  }

  /** Idle workers first; then, when no more can be started, tasks ahead for those whose present ones are about to end. */
  run(): void {
    const now = performance.now();
    for (const worker of [...this.#roster.present]) {
      if (this.queue.length === 0) return;
      // Born before the functions of the tasks that wait were known.
      if (worker.idle && !this.#giveNext(worker, now) && this.#isBehind(worker))
        this.#replace(worker);
    }
    if (this.queue.length === 0 || !this.#roster.isComplete) return;
    this.#renewBusy();
    this.#giveAhead(now);
  }

  /** One of its tasks has ended, and nothing else has changed. */
  feed(worker: PoolWorker): void {
    if (this.#isSpent(worker)) return;
    const now = worker.heardAt;
    if (worker.wasLate) this.#putBack(worker.takeBack(worker.load));
    const recalled = this.#recallFromLate(now);
    if (this.queue.length > 0) {
      this.#fill(worker, now);
      // One that was late may not have come to its first task yet, and now has none.
      if ((worker.idle || recalled) && this.queue.length > 0) this.run();
      else this.#renewBusy();
    }
    if (worker.idle) this.#takeOver(worker);
  }

  /** What stands behind a task that takes longer than it looked is older than all that waits: whoever asks for work gets that first. Whether there was any. */
  #recallFromLate(now: number): boolean {
    if (now - this.#lookedAt < LATE_MS) return false;
    this.#lookedAt = now;
    const late = [...this.#roster.present].filter((worker) => worker.isLate(now));
    const back = late.flatMap((worker) => worker.takeBack(worker.load));
    return this.#putBack(back.sort((one, other) => one.id - other.id));
  }

  /** Tasks that had to wait on their way are in the worker's line. Meanwhile others may have found nothing to do. */
  sent(worker: PoolWorker): void {
    // It has ended, and all it had with it.
    if (worker.load === 0) return;
    if (worker.state === 'leaving') {
      if (this.#putBack(worker.takeBack(worker.load))) this.run();
      return;
    }
    if (this.queue.length > 0) this.#fill(worker, performance.now());
    if (worker.load > 1) this.#relieve();
  }

  /**
   * Has the task wait in the queue again, if no worker has taken it yet; and with it what stands beside it in its worker's line.
   */
  recall(task: Task): boolean {
    const worker = this.#roster.holderOf(task);
    if (worker === undefined || worker.begun === task) return false;
    if (this.#putBack(worker.takeBack(worker.load))) this.#runSoon();
    return task.queued;
  }

  /** Often many are recalled together. */
  #runSoon(): void {
    if (this.#isToRun) return;
    this.#isToRun = true;
    queueMicrotask(() => {
      this.#runRecalled();
    });
  }

  #runRecalled(): void {
    if (!this.#isToRun) return;
    this.#isToRun = false;
    this.run();
    this.#relieve();
  }

  /** One for each and round again, so that none has many while another has few. */
  #giveAhead(now: number): void {
    // It comes to them without a word, as soon as it is done with what makes it late.
    for (const worker of this.#roster.present)
      if (worker.isLate(now) && this.#isOutranked(worker))
        this.#putBack(worker.takeBack(worker.load));
    for (let given = true; given;) {
      given = false;
      for (const worker of this.#roster.present)
        if (this.#takesAhead(worker, now) && this.#giveNext(worker, now)) given = true;
    }
  }

  /** One that is late gets nothing: nobody knows when it would come to that. */
  #takesAhead(worker: PoolWorker, now: number): boolean {
    if (worker.isLate(now)) return false;
    return worker.takesAhead || this.#isOutranked(worker) || this.#holdsUpCall(worker, now);
  }

  /** Whether what it has not begun is of a lower priority than the next task. To ask for that is a walk. */
  #isOutranked({ lastAhead: last, horizon }: PoolWorker): boolean {
    if (last === undefined || this.queue.highestPriority <= last.priority) return false;
    const next = this.queue.first;
    return next !== undefined && next.fn.id <= horizon && next.priority > last.priority;
  }

  /** Whether a call is next that is not to wait behind a batch, which is given ahead further than others. */
  #holdsUpCall(worker: PoolWorker, now: number): boolean {
    const { lastAhead: last, horizon } = worker;
    if (last === undefined || !this.queue.hasAwaitedAlone || !worker.isAtBatch(now)) return false;
    const next = this.queue.first;
    if (next === undefined || next.fn.id > horizon) return false;
    return next.isAwaitedAlone && next.priority === last.priority;
  }

  #fill(worker: PoolWorker, now: number): void {
    if (worker.idle && !this.#giveNext(worker, now)) return;
    while (this.#roster.isComplete && this.#takesAhead(worker, now) && this.#giveNext(worker, now));
  }

  /** It has nothing to do while others have tasks that they have not begun: half of the most that one has. */
  #takeOver(idle: PoolWorker): void {
    const busy = [...this.#roster.present].filter(({ load }) => load > 1);
    const others: Task[] = [];
    for (const worker of busy.sort((one, other) => other.load - one.load)) {
      for (const task of worker.takeBack(Math.floor(worker.load / 2))) {
        if (task.fn.id > idle.horizon || this.#isSpent(idle)) others.push(task);
        else if (!task.settled) idle.give(task);
      }
      if (!idle.idle || others.length > 0) break;
    }
    // Of functions that it was not born with: they wait as any others do, also for a fresh worker.
    if (this.#putBack(others)) this.run();
  }

  #relieve(): void {
    for (const worker of [...this.#roster.present]) if (worker.idle) this.#takeOver(worker);
  }

  /** It should get nothing more: what it has not begun goes to others, and when it has nothing to do another one takes its place. */
  replaceSpent(worker: PoolWorker): void {
    if (!this.#isSpent(worker)) return;
    // One that was given as much as it may keeps that.
    if (worker.outgrown && this.#putBack(worker.takeBack(worker.load))) this.run();
    if (worker.idle) this.#replace(worker);
  }

  /** To the front, as they were. Whether there are any. */
  #putBack(tasks: readonly Task[]): boolean {
    for (const task of tasks.toReversed()) if (!task.settled) this.queue.unshift(task);
    return tasks.length > 0;
  }

  /** So many tasks more may come: those that idle workers take at once do not wait. */
  room(): number {
    if (this.#maxQueue === Infinity) return Infinity;
    this.#runRecalled();
    const idle = [...this.#roster.present].filter((worker) => worker.idle).length;
    return this.#maxQueue + idle - this.queue.length;
  }

  /** In words, for who has found no room. */
  describe(): string {
    return `${String(this.queue.length)} of at most ${String(this.#maxQueue)} tasks wait`;
  }

  #isSpent(worker: PoolWorker): boolean {
    return worker.given >= this.#maxTasksPerChild || worker.outgrown;
  }

  #giveNext(worker: PoolWorker, now: number): boolean {
    if (this.#isSpent(worker)) return false;
    if (this.#isOutranked(worker)) this.#putBack(worker.takeBack(worker.load));
    // The call goes first, whatever their turns.
    const batch = this.#holdsUpCall(worker, now) ? worker.takeBack(worker.load) : [];
    const task = this.queue.take(worker.horizon, () => this.#mayPass(worker));
    this.#putBack(batch);
    if (task === undefined) return false;
    worker.give(task);
    return true;
  }

  /**
   * The next task is of a function that this worker was not born with. It goes on with what it knows while a fresher one, which
   * knows all functions there are, is on its way or has nothing to do; else it gets nothing more and makes room for one. A worker
   * that has done nothing yet does something first, so that a stream of new functions cannot keep the pool at forking.
   */
  #mayPass({ given, horizon }: PoolWorker): boolean {
    return given === 0 || this.#roster.fresherThan(horizon) + this.#roster.missing > 0;
  }

  /** More tasks wait of functions that it was not born with than fresher workers are there for them, or will be. */
  #isBehind({ horizon }: PoolWorker): boolean {
    const fresher = this.#roster.fresherThan(horizon);
    return this.queue.countAbove(horizon, fresher + 1) > fresher;
  }

  /**
   * The next task is of a function that nobody here was born with, and all are busy: one of them has had its last task, and a fresh
   * one comes at once. What it has not begun is waiting again, as far as it can be taken back.
   */
  #renewBusy(): void {
    if (!this.#roster.isFull || !this.#roster.mayOverlap) return;
    let known = 0;
    for (const { state, horizon } of this.#roster.present) {
      if (state === 'starting') return;
      known = Math.max(known, horizon);
    }
    // Nearly always. To ask for the next task is a walk through the functions that wait.
    if (known >= this.queue.newest) return;
    const next = this.queue.first;
    const [oldest] = this.#roster.present;
    if (next === undefined || oldest === undefined || known >= next.fn.id) return;
    this.#putBack(oldest.takeBack(oldest.load));
    this.#stats.restarted++;
    this.#roster.retire(oldest);
    this.#roster.fill(this.queue.length);
  }

  #replace(worker: PoolWorker): void {
    this.#stats.restarted++;
    this.#roster.dismiss(worker);
    this.#roster.fill(this.queue.length);
  }
}
