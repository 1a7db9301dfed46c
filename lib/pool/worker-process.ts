/** A worker as a real process: its line read and written, its end told after everything that it ever said. */
import { isNotPermitted } from '../backend/system-error.js';
import { log } from '../base/log.js';
import { CancelledError, SerializationError } from '../errors.js';
import type { Process } from '../process/process.js';
import { decodeError, encodeError } from '../serialization/error-codec.js';
import { ALL_FUNCTIONS, AnswerFlags, FrameKind, TaskFlags, runTimeOf } from './frames.js';
import type { PoolFunction } from './functions.js';
import { LineReader } from './line-reader.js';
import type { EncodedOutcome } from './perform.js';
import type { Frame } from './received-frame.js';
import { warn } from './results.js';
import { answersEach, CallShape, failed, succeeded, type Outcome, type Task } from './task.js';
import { beginsUnheard } from './tasks-ahead.js';
import type { Finished, WorkerEvents, WorkerHandle } from './worker-handle.js';
import type { NamedFunction, WorkerKind } from './worker-kinds.js';
import { closeWorkerLines, makeWorkerLines, type WorkerLines } from './worker-lines.js';

/** A worker that lets go of its line and stays gets this long before it is killed. */
const SILENT_GRACE_MS = 1_000;

const nothing = (): void => undefined;

interface Running {
  readonly process: Process;
  readonly pid: number;
  readonly lines: WorkerLines;
  readonly reader: LineReader;
}

export class ProcessWorker implements WorkerHandle {
  readonly #kind: WorkerKind;
  readonly #owner = process.pid;
  /** Numbers of the functions that it has been told about. */
  readonly #told = new Set<number>();
  #running: Running | undefined;
  #name = 'that is not started';
  /** The last of the tasks that wait for the names of their functions. */
  #naming: Promise<unknown> | undefined;
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
    const [lines, theirs] = makeWorkerLines();
    try {
      const child = await this.#kind.makeProcess(theirs);
      this.#name = child.name;
      await child.start();
      const reader = new LineReader(
        lines.tasks,
        (frame) => {
          tell(events, frame);
        },
        () => {
          void this.#lineGone();
        },
      );
      this.#running = { process: child, pid: child.pid as number, lines, reader };
      child.sentinel.onReady(() => void this.#afterEnd(events));
    } catch (error) {
      closeWorkerLines(lines);
      throw error;
    } finally {
      closeWorkerLines(theirs);
    }
    this.listen(this.#listening);
    this.holdUntilExit(this.#holdWanted);
  }

  send(task: Task, fn: PoolFunction): Promise<void> | undefined {
    if (this.#kind.refer === undefined) return this.#hand(task, fn.id);
    const known = this.#naming === undefined ? this.#kind.named(fn) : undefined;
    if (known !== undefined) return this.#handNamed(task, known);
    return this.#nameNext(fn).then((named) => {
      if (task.settled) throw new CancelledError('the task was dropped before it was sent');
      return this.#handNamed(task, named);
    });
  }

  #handNamed(task: Task, { number, reference }: NamedFunction): Promise<void> | undefined {
    if (!this.#told.has(number)) {
      this.#told.add(number);
      void this.#running?.lines.control.send({ kind: FrameKind.Function, number }, reference);
    }
    return this.#hand(task, number);
  }

  #hand(task: Task, number: number): Promise<void> | undefined {
    const line = this.#running?.lines.tasks;
    if (line === undefined) return undefined;
    const flags = flagsOf(task, line.isShared);
    const batch = (flags & TaskFlags.Marked) === 0 ? 0 : task.batch;
    const { id: taskId, shape } = task;
    const header = { kind: FrameKind.Task, taskId, number, shape, flags, batch };
    const what = task.shape === CallShape.Apply ? 'args' : 'items';
    const { offset } = task;
    const sent = line.send(header, task.payload, what);
    if (offset === 0) return sent;
    return sent?.catch((error: unknown) => {
      throw error instanceof SerializationError ? inWhole(error, offset) : error;
    });
  }

  get givesBack(): boolean {
    return this.#running?.lines.tasks.isShared === true;
  }

  takeBack(): number | undefined {
    // Behind its tasks there may be the word that it should stop.
    if (this.#stopping || !this.#isMine) return undefined;
    return this.#running?.lines.tasks.takeBack()?.taskId;
  }

  abort(task: Task, reason: unknown): void {
    const header = { kind: FrameKind.Abort, taskId: task.id };
    this.#running?.lines.control.post(header, encodeError(reason));
  }

  async catchUp(): Promise<void> {
    await this.#running?.reader.catchUp();
  }

  stop(): void {
    this.#stopping = true;
    void this.#running?.lines.tasks.send({ kind: FrameKind.Stop });
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
    if (!this.#signal('terminate') && !this.#stopping) this.stop();
  }

  kill(): void {
    if (this.#signal('kill')) return;
    process.emitWarning(
      `${this.#name} cannot be killed, as it is of another user since setuid(): it ends when its task has ended`,
      { type: 'MultiprocessingWarning', code: 'ERR_MP_NOT_PERMITTED' },
    );
  }

  /** False where this process may not. */
  #signal(how: 'terminate' | 'kill'): boolean {
    try {
      if (this.#isMine) this.#running?.process[how]();
      return true;
    } catch (error) {
      if (isNotPermitted(error)) return false;
      throw error;
    }
  }

  /**
   * Tasks are begun in the order in which they were given, so one whose function has a name does not overtake one that waits.
   * Asked only where functions have names.
   */
  #nameNext(fn: PoolFunction): Promise<NamedFunction> {
    const before = this.#naming ?? Promise.resolve();
    const naming = before.then(
      () => this.#kind.named(fn) ?? this.#kind.refer?.(fn),
    ) as Promise<NamedFunction>;
    const done = naming.then(nothing, nothing);
    this.#naming = done;
    void done.then(() => {
      if (this.#naming === done) this.#naming = undefined;
    });
    return naming;
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
    const { process: child, lines, reader } = this.#running as Running;
    const { exitCode, signalCode } = child;
    await reader.drain();
    const { marked } = lines.tasks;
    if (marked !== 0) events.hadBegun(marked);
    this.#ended = true;
    this.#holding?.abort();
    closeWorkerLines(lines);
    child.close();
    log('%s has ended: %s', this.#name, signalCode ?? exitCode);
    events.exited({ exitCode: exitCode ?? 0, signalCode });
  }
}

/** Who gave the items counts all of them, not those of a chunk. */
function inWhole(error: SerializationError, offset: number): SerializationError {
  const { path, message, cause } = error;
  const [place, index] = /\bitems\[(\d+)\]/.exec(path) ?? [];
  if (place === undefined) return error;
  const moved = path.replace(place, `items[${String(Number(index) + offset)}]`);
  const options = cause === undefined ? {} : { cause };
  return new SerializationError(
    message.replace(path, () => moved),
    moved,
    options,
  );
}

function flagsOf(task: Task, isShared: boolean): number {
  const { control } = task;
  const flags =
    (control.abortable === true ? TaskFlags.Abortable : 0) |
    (control.onReport === undefined ? 0 : TaskFlags.Reporting) |
    (control.taskTimeout === undefined ? 0 : TaskFlags.Timed);
  const marked = isShared && beginsUnheard(task);
  return marked ? flags | TaskFlags.Marked : flags;
}

function tell(events: WorkerEvents, frame: Frame): void {
  const { kind, taskId, number } = frame;
  if (kind === FrameKind.Started) events.started(taskId);
  else if (kind === FrameKind.Called) events.called(taskId);
  else if (kind === FrameKind.Done) events.finished(taskId, read(frame, answerOf), howOf(frame));
  else if (kind === FrameKind.Failed) events.finished(taskId, read(frame, errorOf), howOf(frame));
  else if (kind === FrameKind.Report) {
    const report = read(frame, (it) => succeeded(it.read()));
    if (report.ok) events.reported(taskId, report.value, number);
    else warn('a report of a task could not be read', report.error);
  } else if (kind === FrameKind.Initializing) events.initializing();
  else if (kind === FrameKind.Ready) events.ready(number === ALL_FUNCTIONS ? Infinity : number);
  else if (kind === FrameKind.InitializerFailed) {
    const outcome = read(frame, errorOf);
    if (!outcome.ok) events.initializerFailed(outcome.error);
  }
}

function howOf(frame: Frame): Finished {
  const { flags } = frame;
  const ranMs = runTimeOf(frame);
  return {
    ranMs,
    outgrown: (flags & AnswerFlags.Outgrown) !== 0,
    // What has not run has not answered.
    later: ranMs === undefined ? undefined : (flags & AnswerFlags.Later) !== 0,
  };
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
  if ((frame.flags & AnswerFlags.AllWell) !== 0)
    return succeeded((value as readonly unknown[]).map(succeeded));
  const outcomes = value as readonly EncodedOutcome[];
  return succeeded(
    outcomes.map(([ok, item]) => (ok ? succeeded(item) : failed(decodeError(item)))),
  );
}

function errorOf(frame: Frame): Outcome {
  return failed(decodeError(frame.read()));
}
