/** A worker as a real process: its line read and written, its end told after everything that it ever said. */
import { log } from '../base/log.js';
import { CancelledError } from '../errors.js';
import type { Process } from '../process/process.js';
import { decodeError } from '../serialization/error-codec.js';
import { ALL_FUNCTIONS, FrameKind } from './frames.js';
import type { PoolFunction } from './functions.js';
import { LineReader } from './line-reader.js';
import { PoolLine, type Frame } from './pool-line.js';
import { answersEach, CallShape, failed, succeeded, type Outcome, type Task } from './task.js';
import type { WorkerEvents, WorkerHandle } from './worker-handle.js';
import type { NamedFunction, WorkerKind } from './worker-kinds.js';
import type { EncodedOutcome } from './worker-loop.js';

/** A worker that lets go of its line and stays gets this long before it is killed. */
const SILENT_GRACE_MS = 1_000;

interface Running {
  readonly process: Process;
  readonly pid: number;
  readonly line: PoolLine;
  readonly reader: LineReader;
}

export class ProcessWorker implements WorkerHandle {
  readonly #kind: WorkerKind;
  readonly #owner = process.pid;
  /** Numbers of the functions that it has been told about. */
  readonly #told = new Set<number>();
  /** While a task waits for its function's name, and those behind it: settles, without a value, when they are sent. */
  #naming: Promise<unknown> | undefined;
  #running: Running | undefined;
  #name = 'that is not started';
  #stopping = false;
  #ended = false;
  #listening = false;
  #holding: AbortController | undefined;
  #holdWanted = false;

  constructor(kind: WorkerKind) {
    this.#kind = kind;
  }

  get name(): string {
    return this.#name;
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  async start(events: WorkerEvents): Promise<void> {
    const [line, theirs] = PoolLine.pair();
    try {
      const child = await this.#kind.makeProcess(theirs);
      this.#name = child.name;
      await child.start();
      const reader = new LineReader(
        line,
        (frame) => {
          tell(events, frame);
        },
        () => {
          void this.#lineGone();
        },
      );
      this.#running = { process: child, pid: child.pid as number, line, reader };
      child.sentinel.onReady(() => void this.#afterEnd(events));
    } catch (error) {
      line.close();
      throw error;
    } finally {
      theirs.close();
    }
    this.listen(this.#listening);
    this.holdUntilExit(this.#holdWanted);
  }

  async send(task: Task, fn: PoolFunction): Promise<void> {
    if (this.#kind.refer === undefined) return this.#transmit(task, fn.id);
    const named = this.#kind.named(fn);
    if (this.#naming === undefined && named !== undefined) return this.#transmitNamed(task, named);
    // Its function has no name yet, or that of a task before it. Tasks arrive in the order in which they were given.
    const sending = this.#sendAfter(this.#naming, task, fn);
    const turn = sending.catch(() => undefined);
    this.#naming = turn;
    await sending.finally(() => {
      if (this.#naming === turn) this.#naming = undefined;
    });
  }

  async #sendAfter(
    before: Promise<unknown> | undefined,
    task: Task,
    fn: PoolFunction,
  ): Promise<void> {
    await before;
    const named = this.#kind.named(fn) ?? (await this.#kind.refer?.(fn));
    if (task.settled) throw new CancelledError('the task was dropped before it was sent');
    await this.#transmitNamed(task, named as NamedFunction);
  }

  async #transmitNamed(task: Task, { number, reference }: NamedFunction): Promise<void> {
    if (!this.#told.has(number)) {
      this.#told.add(number);
      void this.#running?.line.send({ kind: FrameKind.Function, number }, reference);
    }
    await this.#transmit(task, number);
  }

  async #transmit(task: Task, number: number): Promise<void> {
    const header = { kind: FrameKind.Task, taskId: task.id, number, shape: task.shape };
    const what = task.shape === CallShape.Apply ? 'args' : 'items';
    await this.#running?.line.send(header, task.payload, what);
  }

  stop(): void {
    this.#stopping = true;
    void this.#running?.line.send({ kind: FrameKind.Stop });
  }

  listen(on: boolean): void {
    this.#listening = on;
    this.#running?.reader.listen(on);
  }

  holdUntilExit(on: boolean): void {
    this.#holdWanted = on;
    if (!on) {
      this.#holding?.abort();
      this.#holding = undefined;
    } else if (this.#isMine && this.#holding === undefined) {
      this.#holding = new AbortController();
      this.#running?.process.join({ signal: this.#holding.signal }).catch(() => undefined);
    }
  }

  terminate(): void {
    if (this.#isMine) this.#running?.process.terminate();
  }

  kill(): void {
    if (this.#isMine) this.#running?.process.kill();
  }

  /** Running, and not in a process that was forked from the pool's. */
  get #isMine(): boolean {
    return this.#running !== undefined && !this.#ended && process.pid === this.#owner;
  }

  /**
   * Somebody waits for what it had to say, so its end is awaited now; it follows at once. When it does not, a task has closed
   * what was not its own, and the worker is of no more use.
   */
  async #lineGone(): Promise<void> {
    const child = this.#running?.process;
    if (child === undefined || this.#stopping || this.#ended) return;
    try {
      if ((await child.join({ timeout: SILENT_GRACE_MS })) !== null) return;
      this.kill();
      await child.join();
    } catch (error) {
      log('%s: waiting for its end failed: %o', this.#name, error);
    }
  }

  async #afterEnd(events: WorkerEvents): Promise<void> {
    const { process: child, line, reader } = this.#running as Running;
    const { exitCode, signalCode } = child;
    await reader.drain();
    this.#ended = true;
    this.#holding?.abort();
    line.close();
    child.close();
    log('%s has ended: %s', this.#name, signalCode ?? exitCode);
    events.exited({ exitCode: exitCode ?? 0, signalCode });
  }
}

function tell(events: WorkerEvents, frame: Frame): void {
  const { kind, taskId, number } = frame;
  if (kind === FrameKind.Started) events.started(taskId);
  else if (kind === FrameKind.Done) events.finished(taskId, read(frame, answerOf));
  else if (kind === FrameKind.Failed) events.finished(taskId, read(frame, errorOf));
  else if (kind === FrameKind.Ready) events.ready(number === ALL_FUNCTIONS ? Infinity : number);
  else if (kind === FrameKind.InitializerFailed) {
    const outcome = read(frame, errorOf);
    if (!outcome.ok) events.initializerFailed(outcome.error);
  }
}

/** What cannot be decoded here fails its own task. */
function read(frame: Frame, decode: (frame: Frame) => Outcome): Outcome {
  try {
    return decode(frame);
  } catch (error) {
    return failed(error);
  }
}

function answerOf(frame: Frame): Outcome {
  const value = frame.read();
  if (!answersEach(frame.shape)) return succeeded(value);
  const outcomes = value as readonly EncodedOutcome[];
  return succeeded(
    outcomes.map(([ok, item]) => (ok ? succeeded(item) : failed(decodeError(item)))),
  );
}

function errorOf(frame: Frame): Outcome {
  return failed(decodeError(frame.read()));
}
