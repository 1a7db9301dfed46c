/**
 * The dispatcher: keeps a pool's workers at full number, gives them tasks, and settles every task exactly once. Each worker has
 * a line of its own and says when it begins a task, so a death is blamed on exactly the task that ran. Everything here is
 * driven by events (a call, a message, an exit) and nothing waits.
 */
import type { Wait } from '../base/options.js';
import type { ExitStatus } from '../backend/contract.js';
import {
  BrokenPoolError,
  CancelledError,
  QueueFullError,
  StateError,
  TimeoutError,
} from '../errors.js';
import { takeHopeless, workerDied } from './deaths.js';
import { PoolChannels } from './diagnostics.js';
import { Dispatch, type DispatchOptions } from './dispatch.js';
import { Gate } from './gate.js';
import type { InterruptNotice } from './interrupt-notice.js';
import { OneFirst } from './one-first.js';
import type { PoolWorker, WorkerOwner } from './pool-worker.js';
import { Roster, type RosterOptions } from './roster.js';
import { StatsCounter, type PoolStats } from './stats.js';
import { failed, type Outcome, type Task } from './task.js';
import { Upkeep } from './upkeep.js';
import { Workload, type Job } from './workload.js';

export interface WorkerSetOptions extends RosterOptions, DispatchOptions {
  /** Shown in errors. */
  readonly name: string;
  /** Milliseconds that an aborted task has to end itself. */
  readonly killGrace?: number | undefined;
  /** To start a worker holds up this process: not all of them are started at once (see one-first). */
  readonly oneFirst?: boolean;
  /** Lasts until all workers have ended. */
  readonly interrupt?: InterruptNotice;
}

const DEFAULT_KILL_GRACE_MS = 1_000;

export class WorkerSet implements WorkerOwner {
  readonly #options: WorkerSetOptions;
  readonly #owner = process.pid;
  readonly #roster: Roster;
  readonly #dispatch: Dispatch;
  readonly #workload: Workload;
  readonly #stats = new StatsCounter();
  readonly #upkeep: Upkeep;
  readonly #oneFirst: OneFirst | undefined;
  readonly #channels: PoolChannels;
  readonly #ready = new Gate(
    () => this.#openFor(),
    () => {
      this.#listen();
    },
  );
  readonly #ended = new Gate(
    () => (this.#hasEnded() ? Infinity : 0),
    () => {
      this.#roster.holdUntilExit(this.#ended.isWaitedFor);
    },
  );
  /** All workers were up at one time. */
  #warm = false;
  #listening = false;

  constructor(options: WorkerSetOptions) {
    this.#options = options;
    this.#workload = new Workload(options.name);
    if (options.oneFirst === true) {
      this.#oneFirst = new OneFirst({
        hasTasks: () => this.#workload.hasTasks,
        onAll: () => {
          this.fill();
        },
      });
    }
    this.#roster = new Roster(options, this, this.#oneFirst);
    this.#dispatch = new Dispatch(this.#roster, this.#stats, options);
    this.#upkeep = new Upkeep({
      size: options.size,
      stats: this.#stats,
      hasWorkers: () => this.#roster.atWork.some(({ pid }) => pid !== undefined),
      fill: () => {
        this.fill();
      },
      giveUp: (reason, cause) => {
        this.#break(reason, cause);
      },
    });
    this.#channels = new PoolChannels(options.name);
  }

  // ---- what the pool asks --------------------------------------------------------------------------------------------------

  /** Starts the workers, or those that tasks wait for. The first task does it too. */
  fill(): void {
    const ended = this.endOfAll !== undefined || this.#workload.isDone;
    // A process that was forked from the pool's has its timers too.
    if (!ended && process.pid === this.#owner) this.#roster.fill(this.#dispatch.queue.length);
  }

  /** @throws StateError after close() and terminate(). A broken pool takes tasks, and fails them. */
  checkOpen(): void {
    this.#workload.checkOpen();
  }

  /** @throws QueueFullError when, with so many more, more tasks would wait than may. */
  checkRoom(count: number): void {
    if (this.endOfAll !== undefined || count <= this.#dispatch.room()) {
      this.#ready.taken();
      return;
    }
    throw new QueueFullError(
      `${this.#options.name} has no room for ${String(count)} more: ${this.#dispatch.describe()}. Await ready() first`,
    );
  }

  /** Starts the workers. Resolves when all have come up once, and there is room for a task. */
  async ready(wait: Wait): Promise<void> {
    this.checkOpen();
    if (this.endOfAll !== undefined) throw this.endOfAll;
    this.#oneFirst?.end();
    this.fill();
    if (await this.#ready.wait(wait)) return;
    const { name } = this.#options;
    throw new TimeoutError(`${name} was not ready within ${String(wait.timeout)} ms`);
  }

  submit(tasks: readonly Task[]): void {
    const { endOfAll } = this;
    if (endOfAll !== undefined) {
      for (const task of tasks) task.settle(failed(endOfAll));
      return;
    }
    for (const task of tasks) {
      this.#dispatch.queue.push(task);
      this.#channels.taskQueued(task);
    }
    this.#count(tasks.length);
    this.#dispatch.run();
    this.fill();
  }

  /** Settles the task now. What a worker already does with it goes on, and its result is dropped. */
  cancel(task: Task, error: unknown): void {
    if (task.settled) return;
    if (this.recall(task)) this.#dispatch.queue.forget(task);
    else this.#roster.holderOf(task)?.gaveUp(task);
    this.#settle(task, failed(error));
  }

  /** The same, and a worker that is at it is told; it is killed when it goes on for longer than the grace time. */
  abort(task: Task, error: unknown): void {
    if (task.settled) return;
    const { killGrace = DEFAULT_KILL_GRACE_MS } = this.#options;
    if (!this.recall(task)) this.#roster.holderOf(task)?.abort(task, error, killGrace);
    this.cancel(task, error);
  }

  /** Whether it waits in the queue, again where it had been given to a worker that has not taken it. */
  recall(task: Task): boolean {
    return task.queued || this.#dispatch.recall(task);
  }

  /** A job that comes back to a closed pool which has nothing left to do comes too late. */
  addJob(job: Job): void {
    this.#workload.addJob(job);
  }

  removeJob(job: Job): void {
    this.#workload.removeJob(job);
    this.#afterSettling();
  }

  close(): void {
    this.#workload.close();
    this.#ready.fail(new StateError(`${this.#options.name} was closed`));
    this.#afterSettling();
  }

  /** By SIGTERM, and after a grace time SIGKILL; or by SIGKILL at once, also when it was terminated before. */
  terminate(how: 'terminate' | 'kill' = 'terminate'): void {
    const message = `${this.#options.name} was terminated before the task had finished`;
    if (this.endOfAll !== undefined) this.#roster.terminateAll(how);
    else this.#endAll('terminated', new CancelledError(message), how);
  }

  /** What all that had not settled failed with, when the workers were terminated or the pool broke. */
  get endOfAll(): Error | undefined {
    return this.#workload.endOfAll;
  }

  /** True when all have ended, false when the timeout passed first. */
  async join(wait: Wait): Promise<boolean> {
    const { name } = this.#options;
    if (this.#workload.isRunning) {
      throw new StateError(`${name} is still running: call close() or terminate() before join()`);
    }
    this.#workload.drain();
    return this.#ended.wait(wait);
  }

  /** Whether anything accepted has not settled yet. */
  get hasWork(): boolean {
    return this.#workload.hasWork;
  }

  /** Whether it has workers, or tasks for them, and has not ended. */
  get isAtWork(): boolean {
    return this.endOfAll === undefined && (this.hasWork || !this.#roster.isEmpty);
  }

  /** Process ids of the live workers, oldest first. */
  pids(): number[] {
    return this.#roster.atWork.flatMap((worker) => worker.pid ?? []);
  }

  stats(): PoolStats {
    const workers = this.#roster.atWork;
    return this.#stats.snapshot({
      workers: workers.filter((worker) => worker.pid !== undefined).length,
      busy: workers.filter((worker) => worker.load > 0).length,
      queued: this.#dispatch.queue.length,
    });
  }

  // ---- what the workers tell -----------------------------------------------------------------------------------------------

  workerLaunched(): void {
    this.#oneFirst?.launched();
  }

  workerReady(worker: PoolWorker): void {
    this.#channels.workerStarted(worker);
    this.#upkeep.workerReady();
    this.#dispatch.run();
    this.#dispatch.feed(worker);
    this.#ready.check();
    this.#oneFirst?.atWork();
  }

  /** It may take long, and does in all of them at once. */
  workerInitializing(): void {
    this.#oneFirst?.end();
    this.fill();
  }

  initializerFailed(worker: PoolWorker, error: unknown): void {
    this.#break(`its initializer failed in ${worker.describe()}`, error);
  }

  workerStartFailed(worker: PoolWorker, error: unknown): void {
    this.#roster.remove(worker);
    this.#oneFirst?.end();
    this.#upkeep.startFailed(error);
    this.#afterSettling();
  }

  taskStarted(worker: PoolWorker, task: Task): void {
    if (!task.settled) this.#channels.taskStarted(task, worker);
  }

  taskSent(worker: PoolWorker): void {
    this.#dispatch.sent(worker);
  }

  taskEnded(worker: PoolWorker, task: Task, outcome: Outcome): void {
    this.#upkeep.progressed();
    this.#stats.taskEnded(task, outcome.ok);
    this.#dispatch.replaceSpent(worker);
    // The worker gets its next task before the caller hears of the last one: user code must not hold up the line.
    this.#dispatch.feed(worker);
    this.#settle(task, outcome);
    this.#ready.check();
  }

  workerExited(worker: PoolWorker, status: ExitStatus): void {
    const begun = worker.begun;
    const lost = worker.takeLine().filter((task) => task !== begun && !task.settled);
    const blamed = begun ?? takeHopeless(lost);
    for (const task of lost.reverse()) this.#dispatch.queue.unshift(task);
    this.#roster.remove(worker);
    this.#channels.workerEnded(worker, status);
    this.#upkeep.died(worker, status, blamed !== undefined);
    const again = this.#runAgain(begun);
    this.#dispatch.run();
    this.#oneFirst?.end();
    this.fill();
    if (blamed !== undefined && !again) {
      if (!blamed.settled) this.#stats.failed++;
      this.#settle(blamed, failed(workerDied(worker, status, blamed, begun !== undefined)));
    }
    this.#afterSettling();
  }

  #runAgain(begun: Task | undefined): boolean {
    if (this.endOfAll !== undefined || begun?.takeRetry() !== true) return false;
    this.#stats.retried++;
    this.#dispatch.queue.unshift(begun);
    return true;
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------------

  #settle(task: Task, outcome: Outcome): void {
    if (task.settled) return;
    this.#count(-1);
    this.#channels.taskEnded(task, outcome);
    task.settle(outcome);
    this.#oneFirst?.settled();
    this.#afterSettling();
  }

  #count(change: number): void {
    this.#workload.count(change);
    this.#listen();
  }

  /** While somebody waits for what the workers say. */
  #listen(): void {
    const wanted = this.#workload.hasTasks || this.#ready.isWaitedFor;
    if (wanted === this.#listening) return;
    this.#listening = wanted;
    if (wanted) this.#options.interrupt?.renew();
    this.#roster.listen(wanted);
  }

  /** For how many of those who wait until it is ready. */
  #openFor(): number {
    this.#warm ||= this.#roster.isUp;
    return this.#warm ? this.#dispatch.room() : 0;
  }

  #hasEnded(): boolean {
    return this.#workload.isDone && this.#roster.isEmpty;
  }

  #afterSettling(): void {
    this.#ready.check();
    if (!this.#workload.isDone) return;
    this.#roster.dismissAll();
    if (!this.#hasEnded()) return;
    this.#upkeep.stop();
    this.#options.interrupt?.end();
    this.#ended.check();
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
    if (!this.#workload.end(state, error)) return;
    this.#ready.fail(error);
    const given = this.#roster.atWork.flatMap((worker) => worker.giveUpLine());
    const tasks = [...given, ...this.#dispatch.queue.drain()];
    this.#roster.terminateAll(how);
    this.#workload.failJobs(error);
    for (const task of tasks) this.#settle(task, failed(error));
    this.#afterSettling();
  }
}
