// Workers without processes: each does only what the test tells it to, step by step, and the test sees what it was sent.
import type { ExitStatus } from '../../../lib/backend/contract.js';
import { noteRunTime, type PoolFunction } from '../../../lib/pool/functions.js';
import { CallShape, Task, type Outcome, type TaskSpec } from '../../../lib/pool/task.js';
import type { WorkerEvents, WorkerHandle } from '../../../lib/pool/worker-handle.js';

export const KILLED: ExitStatus = { exitCode: -9, signalCode: 'SIGKILL' };
const LEFT: ExitStatus = { exitCode: 0, signalCode: null };

export class FakeWorker implements WorkerHandle {
  readonly name: string;
  pid: number | undefined;
  /** Sent and not begun. */
  readonly inbox: Task[] = [];
  running: Task | undefined;
  stopped = false;
  listening = false;
  held = false;
  /** Tasks that it was told nobody waits for, with the reasons. */
  readonly aborted: [Task, unknown][] = [];
  /** What it has said and nobody has read yet: is told when the dispatcher catches up. */
  unread: (() => void)[] = [];
  alive = false;
  isReady = false;
  horizon = 0;
  #events: WorkerEvents | undefined;
  readonly #factory: FakeFactory;
  readonly #number: number;

  constructor(factory: FakeFactory, number: number) {
    this.#factory = factory;
    this.#number = number;
    this.name = `Fake-${number}`;
  }

  start(events: WorkerEvents): Promise<void> {
    const failure = this.#factory.failStart?.(this);
    if (failure !== undefined) return Promise.reject(failure);
    this.pid = 1000 + this.#number;
    this.alive = true;
    this.#events = events;
    const { startMs } = this.#factory;
    return startMs === 0
      ? Promise.resolve()
      : new Promise((resolve) => setTimeout(resolve, startMs));
  }

  send(task: Task): Promise<void> | undefined {
    if (this.#factory.unsendable.has(task)) return Promise.reject(new Error('cannot be sent'));
    const delayed = this.#factory.delayed.get(task);
    if (delayed !== undefined)
      return delayed.then(() => void (this.alive && this.inbox.push(task)));
    if (this.alive) this.inbox.push(task);
    return this.givesBack ? undefined : Promise.resolve();
  }

  abort(task: Task, reason: unknown): void {
    this.aborted.push([task, reason]);
  }

  catchUp(): Promise<void> {
    for (const say of this.unread.splice(0)) say();
    return Promise.resolve();
  }

  stop(): void {
    this.stopped = true;
  }

  listen(on: boolean): void {
    this.listening = on;
  }

  holdUntilExit(on: boolean): void {
    this.held = on;
  }

  terminate(): void {
    this.die({ exitCode: -15, signalCode: 'SIGTERM' });
  }

  kill(): void {
    this.die(KILLED);
  }

  // ---- what the test lets it do ----

  ready(horizon = Infinity): void {
    this.isReady = true;
    this.horizon = horizon;
    this.#events?.ready(horizon);
  }

  beginInitializer(): void {
    this.#events?.initializing();
  }

  failInitializer(error: Error): void {
    this.#events?.initializerFailed(error);
  }

  begin(): Task {
    const task = this.inbox.shift();
    if (task === undefined || this.running !== undefined) throw new Error('nothing to begin');
    this.running = task;
    this.#factory.began(task);
    this.#events?.started(task.id);
    if (task.control.taskTimeout !== undefined) this.#events?.called(task.id);
    return task;
  }

  get givesBack(): boolean {
    return this.#factory.givesBack;
  }

  takeBack(): number | undefined {
    return this.givesBack ? this.inbox.shift()?.id : undefined;
  }

  /** Dead, it says by other means than a message that it had begun the task. */
  hadBegun(task: Task): void {
    this.#events?.hadBegun(task.id);
  }

  finish(outcome: Outcome, outgrown = false, ranMs?: number): void {
    const task = this.running;
    if (task === undefined) throw new Error('nothing to finish');
    this.running = undefined;
    this.#events?.finished(task.id, outcome, { outgrown, ranMs });
  }

  report(value: unknown, index = 0): void {
    if (this.running !== undefined) this.#events?.reported(this.running.id, value, index);
  }

  cannotRead(error: Error): void {
    const task = this.inbox.shift();
    if (task !== undefined) this.#events?.finished(task.id, { ok: false, error });
  }

  /** It has begun and says so, but nobody hears it before it is gone. */
  speak(taskId: number): void {
    this.#events?.started(taskId);
  }

  die(status: ExitStatus = KILLED): void {
    if (!this.alive) return;
    this.alive = false;
    this.#factory.alive.delete(this);
    this.#events?.exited(status);
  }

  leave(): void {
    this.die(LEFT);
  }
}

export class FakeFactory {
  readonly all: FakeWorker[] = [];
  readonly alive = new Set<FakeWorker>();
  readonly unsendable = new Set<Task>();
  readonly begun = new Map<number, number>();
  /** Tasks that have to wait before they can be sent. */
  readonly delayed = new Map<Task, Promise<void>>();
  givesBack = false;
  /** Milliseconds until there is a process. */
  startMs = 0;
  failStart: ((worker: FakeWorker) => Error | undefined) | undefined;

  readonly create = (): FakeWorker => {
    const worker = new FakeWorker(this, this.all.length + 1);
    this.all.push(worker);
    this.alive.add(worker);
    return worker;
  };

  /** Has the task wait on its way to a worker, until what it answers is called. */
  delay(task: Task): () => void {
    let send = (): void => undefined;
    this.delayed.set(
      task,
      new Promise((resolve) => {
        send = resolve;
      }),
    );
    return () => {
      this.delayed.delete(task);
      send();
    };
  }

  began(task: Task): void {
    this.begun.set(task.id, (this.begun.get(task.id) ?? 0) + 1);
  }
}

let functions = 0;

/** `short`: the dispatcher may hand over tasks ahead. */
export function poolFunction({ short = false } = {}): PoolFunction {
  const fn: PoolFunction = {
    id: ++functions,
    name: 'work',
    fn: () => undefined,
    meanRunMs: undefined,
    answersLater: undefined,
  };
  if (short) noteRunTime(fn, 0.01);
  return fn;
}

export interface Watched {
  readonly task: Task;
  readonly outcomes: Outcome[];
}

export function watchedTask(fn: PoolFunction, spec: Partial<TaskSpec> = {}): Watched {
  const outcomes: Outcome[] = [];
  const task = new Task({
    fn,
    shape: CallShape.Apply,
    payload: [],
    onSettled: (outcome) => outcomes.push(outcome),
    ...spec,
  });
  return { task, outcomes };
}

export function tasksOf(fn: PoolFunction, count: number): Watched[] {
  return Array.from({ length: count }, () => watchedTask(fn));
}

/** Lets every promise reaction that is due run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
