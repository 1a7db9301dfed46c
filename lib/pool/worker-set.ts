/**
 * The dispatcher: keeps a pool's workers at full number, gives them tasks, and settles every task exactly once. Each worker has
 * a line of its own and says when it begins a task, so a death is blamed on exactly the task that ran. Everything here is
 * driven by events (a call, a message, an exit) and nothing waits.
 */
import { log } from '../base/log.js';
import type { Wait } from '../base/options.js';
import { PendingWait } from '../base/wait.js';
import type { ExitStatus } from '../backend/contract.js';
import { BrokenPoolError, CancelledError, StateError } from '../errors.js';
import { CrashLimit } from './crash-limit.js';
import { isPassingShortage, takeHopeless, workerDied } from './deaths.js';
import type { PoolWorker, WorkerOwner } from './pool-worker.js';
import { Roster, type RosterOptions } from './roster.js';
import { StatsCounter, type PoolStats } from './stats.js';
import { failed, type Outcome, type Task } from './task.js';
import { TaskQueue } from './task-queue.js';

export interface WorkerSetOptions extends RosterOptions {
  /** Shown in errors. */
  readonly name: string;
  readonly maxTasksPerChild?: number | undefined;
}

/** Work that was accepted and may still make tasks: a map that collects its items, an iteration. Keeps a closed pool at work. */
export interface Job {
  /** The pool has ended under it. */
  fail(error: unknown): void;
}

/** Before a start is tried again that failed for want of descriptors, processes or memory. */
const SHORTAGE_PAUSE_MS = 100;

export class WorkerSet implements WorkerOwner {
  readonly #options: WorkerSetOptions;
  readonly #owner = process.pid;
  readonly #roster: Roster;
  readonly #queue = new TaskQueue();
  readonly #jobs = new Set<Job>();
  readonly #joins = new Set<PendingWait<boolean>>();
  readonly #stats = new StatsCounter();
  readonly #crashes: CrashLimit;
  #state: 'running' | 'closed' | 'terminated' | 'broken' = 'running';
  /** Tasks that have not settled, queued or given. */
  #unsettled = 0;
  #endOfAll: Error | undefined;
  #shortageTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerSetOptions) {
    this.#options = options;
    this.#roster = new Roster(options, this);
    this.#crashes = new CrashLimit(options.size);
  }

  // ---- what the pool asks --------------------------------------------------------------------------------------------------

  /** Starts the workers, or those that tasks wait for. The first task does it too. */
  fill(): void {
    const ended = this.#endOfAll !== undefined || this.#isDone();
    // A process that was forked from the pool's has its timers too.
    if (!ended && process.pid === this.#owner) this.#roster.fill(this.#queue.length);
  }

  /** @throws StateError after close() and terminate(). A broken pool takes tasks, and fails them. */
  checkOpen(): void {
    if (this.#state === 'closed' || this.#state === 'terminated') {
      throw new StateError(`${this.#options.name} is ${this.#state}: it takes no more tasks`);
    }
  }

  submit(tasks: readonly Task[]): void {
    if (this.#endOfAll !== undefined) {
      for (const task of tasks) task.settle(failed(this.#endOfAll));
      return;
    }
    for (const task of tasks) this.#queue.push(task);
    this.#count(tasks.length);
    this.#dispatch();
    this.fill();
  }

  /** Settles the task now. What a worker already does with it goes on, and its result is dropped. */
  cancel(task: Task, error: unknown): void {
    if (task.settled) return;
    if (task.queued) this.#queue.forget(task);
    this.#settle(task, failed(error));
  }

  /** A job that comes back to a closed pool which has nothing left to do comes too late. */
  addJob(job: Job): void {
    const { name } = this.#options;
    if (this.#endOfAll !== undefined) job.fail(this.#endOfAll);
    else if (this.#isDone()) job.fail(new StateError(`${name} was closed and has ended`));
    else this.#jobs.add(job);
  }

  removeJob(job: Job): void {
    this.#jobs.delete(job);
    this.#afterSettling();
  }

  close(): void {
    if (this.#state === 'running') this.#state = 'closed';
    this.#afterSettling();
  }

  /** By SIGTERM, and after a grace time SIGKILL; or by SIGKILL at once, also when it was terminated before. */
  terminate(how: 'terminate' | 'kill' = 'terminate'): void {
    const message = `${this.#options.name} was terminated before the task had finished`;
    if (this.#endOfAll !== undefined) this.#roster.terminateAll(how);
    else this.#endAll('terminated', new CancelledError(message), how);
  }

  /** What all that had not settled failed with, when the workers were terminated or the pool broke. */
  get endOfAll(): Error | undefined {
    return this.#endOfAll;
  }

  /** True when all have ended, false when the timeout passed first. */
  async join(wait: Wait): Promise<boolean> {
    const { name } = this.#options;
    if (this.#state === 'running') {
      throw new StateError(`${name} is still running: call close() or terminate() before join()`);
    }
    wait.signal?.throwIfAborted();
    if (this.#hasEnded()) return true;
    const pending: PendingWait<boolean> = new PendingWait<boolean>(
      wait,
      () => false,
      () => {
        this.#joins.delete(pending);
        if (this.#joins.size === 0) this.#roster.holdUntilExit(false);
      },
    );
    this.#joins.add(pending);
    this.#roster.holdUntilExit(true);
    return pending.promise;
  }

  /** Whether anything accepted has not settled yet. */
  get hasWork(): boolean {
    return this.#unsettled > 0 || this.#jobs.size > 0;
  }

  /** Process ids of the live workers, oldest first. */
  pids(): number[] {
    return [...this.#roster.present].flatMap((worker) => worker.pid ?? []);
  }

  stats(): PoolStats {
    const workers = [...this.#roster.present];
    return this.#stats.snapshot({
      workers: workers.filter((worker) => worker.pid !== undefined).length,
      busy: workers.filter((worker) => worker.load > 0).length,
      queued: this.#queue.length,
    });
  }

  // ---- what the workers tell -----------------------------------------------------------------------------------------------

  workerReady(): void {
    this.#crashes.workerReady();
    this.#dispatch();
  }

  initializerFailed(worker: PoolWorker, error: unknown): void {
    this.#break(`its initializer failed in ${worker.describe()}`, error);
  }

  workerStartFailed(worker: PoolWorker, error: unknown): void {
    this.#roster.remove(worker);
    const passing = isPassingShortage(error);
    const reason = passing ? this.#crashes.diedBeforeReady() : 'a worker could not be started';
    if (reason !== undefined) this.#break(reason, error);
    else this.#fillLater(error);
    this.#afterSettling();
  }

  taskEnded(worker: PoolWorker, task: Task, outcome: Outcome): void {
    this.#crashes.progressed();
    this.#stats.taskEnded(task, outcome.ok);
    const { maxTasksPerChild = Infinity } = this.#options;
    if (worker.given >= maxTasksPerChild && worker.idle) this.#replace(worker);
    // The worker gets its next task before the caller hears of the last one: user code must not hold up the line.
    this.#dispatch();
    this.#settle(task, outcome);
  }

  workerExited(worker: PoolWorker, status: ExitStatus): void {
    const begun = worker.begun;
    const lost = worker.takeLine().filter((task) => task !== begun && !task.settled);
    const blamed = begun ?? takeHopeless(lost);
    for (const task of lost.reverse()) this.#queue.unshift(task);
    this.#roster.remove(worker);
    this.#noteDeath(worker, status, blamed !== undefined);
    this.#dispatch();
    this.fill();
    if (blamed !== undefined) {
      if (!blamed.settled) this.#stats.failed++;
      this.#settle(blamed, failed(workerDied(worker, status, blamed, begun !== undefined)));
    }
    this.#afterSettling();
  }

  /** A death that settles a task is paid for by that task. Others must not become too many. */
  #noteDeath(worker: PoolWorker, status: ExitStatus, settlesTask: boolean): void {
    if (settlesTask) this.#crashes.progressed();
    if (worker.state === 'leaving') return;
    this.#stats.restarted++;
    if (settlesTask || worker.finishedAny) return;
    const reason =
      worker.state === 'ready' ? this.#crashes.diedIdle() : this.#crashes.diedBeforeReady();
    if (reason === undefined) return;
    const death = workerDied(worker, status);
    this.#break(`${reason}, the last one so: ${death.message}`, death);
  }

  #fillLater(error: unknown): void {
    log('%s: a worker could not be started, trying again: %o', this.#options.name, error);
    this.#shortageTimer ??= setTimeout(() => {
      this.#shortageTimer = undefined;
      this.fill();
    }, SHORTAGE_PAUSE_MS);
  }

  // ---- dispatch --------------------------------------------------------------------------------------------------------------

  /** Idle workers first; then, when no more can be started, one task ahead for those whose present one is about to end. */
  #dispatch(): void {
    if (this.#queue.length === 0) return;
    for (const worker of this.#roster.present) if (worker.idle) this.#giveNext(worker);
    if (this.#queue.length === 0) return;
    if (this.#roster.isFull)
      for (const worker of this.#roster.present) if (worker.endsSoon) this.#giveNext(worker);
    this.#renewStale();
  }

  #giveNext(worker: PoolWorker): void {
    const { maxTasksPerChild = Infinity } = this.#options;
    if (worker.given >= maxTasksPerChild) return;
    const task = this.#queue.take(worker.horizon);
    if (task !== undefined) worker.give(task);
  }

  /** Workers that are idle although tasks wait were born before those tasks' functions were known: fork new ones. */
  #renewStale(): void {
    let wanted = this.#queue.length;
    if (wanted === 0) return;
    for (const worker of this.#roster.present) if (worker.state === 'starting') wanted--;
    for (const worker of [...this.#roster.present])
      if (wanted > 0 && worker.idle) {
        this.#replace(worker);
        wanted--;
      }
  }

  #replace(worker: PoolWorker): void {
    this.#stats.restarted++;
    this.#roster.dismiss(worker);
    this.fill();
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------------

  #settle(task: Task, outcome: Outcome): void {
    if (task.settled) return;
    this.#count(-1);
    task.settle(outcome);
    this.#afterSettling();
  }

  #count(change: number): void {
    const before = this.#unsettled > 0;
    this.#unsettled += change;
    const now = this.#unsettled > 0;
    if (now !== before) this.#roster.listen(now);
  }

  #isDone(): boolean {
    return this.#state !== 'running' && !this.hasWork;
  }

  #hasEnded(): boolean {
    return this.#isDone() && this.#roster.isEmpty;
  }

  #afterSettling(): void {
    if (!this.#isDone()) return;
    this.#roster.dismissAll();
    if (!this.#hasEnded()) return;
    clearTimeout(this.#shortageTimer);
    for (const join of this.#joins) join.resolve(true);
  }

  #break(reason: string, cause: unknown): void {
    const { name } = this.#options;
    this.#endAll('broken', new BrokenPoolError(`${name} cannot go on: ${reason}`, { cause }));
  }

  #endAll(
    state: 'terminated' | 'broken',
    error: Error,
    how: 'terminate' | 'kill' = 'terminate',
  ): void {
    if (this.#endOfAll !== undefined) return;
    this.#endOfAll = error;
    this.#state = state;
    const given = [...this.#roster.present].flatMap((worker) => worker.takeLine());
    const tasks = [...given, ...this.#queue.drain()];
    this.#roster.terminateAll(how);
    for (const job of this.#jobs) job.fail(error);
    for (const task of tasks) this.#settle(task, failed(error));
    this.#afterSettling();
  }
}
