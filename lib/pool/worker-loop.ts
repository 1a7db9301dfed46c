/** What a worker does all its life: read a task, say that it begins, run it, answer. One at a time, until it is told to stop. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StopListening } from '../backend/contract.js';
import { nameOf } from '../base/options.js';
import { encodeError } from '../serialization/error-codec.js';
import { answer, type Answered } from './answers.js';
import { RunningTask, isThenable } from './current-task.js';
import { AnswerFlags, FrameKind, TaskFlags, runTimeSince } from './frames.js';
import type { AnyFunction, FunctionSource } from './functions.js';
import { perform } from './perform.js';
import type { ControlLine, TaskLine } from './pool-line.js';
import type { Frame } from './received-frame.js';
import { WorkerControl } from './worker-control.js';

/** For so long, in milliseconds, one task may follow the other before timers and input get their turn. */
const TURN_MS = 5;

export interface WorkerSetup {
  readonly functions: FunctionSource;
  readonly initializer: (() => unknown) | undefined;
  /** Bytes of resident memory above which the worker asks to be replaced. */
  readonly maxMemory: number | undefined;
}

let hasBegun = false;

/** Whether this process, or one that it was forked from, has ever called `serveTasks`. */
export function hasBegunToServe(): boolean {
  return hasBegun;
}

/** A worker's ends of both lines. */
export interface ServedLines {
  readonly tasks: TaskLine;
  readonly control: ControlLine;
}

export async function serveTasks(lines: ServedLines, setup: WorkerSetup): Promise<void> {
  hasBegun = true;
  const { tasks: line } = lines;
  const { functions, initializer } = setup;
  if (initializer !== undefined) {
    await line.send({ kind: FrameKind.Initializing });
    try {
      await initializer();
    } catch (error) {
      await line.send({ kind: FrameKind.InitializerFailed }, encodeError(error));
      return;
    }
  }
  await line.send({ kind: FrameKind.Ready, number: functions.horizon });
  const server = new TaskServer(lines, setup);
  let turnSince = performance.now();
  // That of the last task.
  let batch = 0;
  for (;;) {
    // While a task runs nothing is read here: what is behind it may yet be taken back.
    let frame = line.tryRecv();
    // The last answers may be all that somebody waits for, and what comes now may take long.
    if (frame?.batch !== batch) line.tell();
    frame ??= line.awaitBriefly();
    if (frame === undefined) {
      frame = await line.recv();
      turnSince = performance.now();
    }
    batch = frame?.batch ?? 0;
    if (frame === undefined || frame.kind === FrameKind.Stop) return;
    // In any case what the task has left to its microtasks comes before the next one.
    await server.serve(frame);
    if (performance.now() - turnSince < TURN_MS) continue;
    line.tell();
    await nextTurn();
    turnSince = performance.now();
  }
}

/** What is told of a task with its answer. */
interface Run {
  /** Undefined before it has begun. */
  begunAt?: number | undefined;
  /** Its function answered a promise. */
  later?: boolean;
  /** The pool need not hear of it at once. */
  untold?: boolean;
}

/** Runs tasks, and answers. */
class TaskServer {
  readonly #line: TaskLine;
  readonly #control: WorkerControl;
  readonly #setup: WorkerSetup;

  constructor({ tasks, control }: ServedLines, setup: WorkerSetup) {
    this.#line = tasks;
    this.#control = new WorkerControl(control, setup.functions);
    this.#setup = setup;
  }

  serve(frame: Frame): Promise<void> | undefined {
    const { flags, number, taskId } = frame;
    const fn = (flags & TaskFlags.Marked) === 0 ? undefined : this.#setup.functions.known(number);
    const isAborted = (flags & TaskFlags.Abortable) !== 0 && this.#control.mayBeAborted(taskId);
    return fn === undefined || isAborted ? this.#serveInFull(frame) : this.#serveAtOnce(frame, fn);
  }

  /** A task that is likely to end in a moment: without a promise, and deaf to its abort meanwhile, if its function needs none. */
  #serveAtOnce(frame: Frame, fn: AnyFunction): Promise<void> | undefined {
    let begunAt: number | undefined;
    try {
      const payload = frame.read() as readonly unknown[];
      this.#line.mark(frame.taskId);
      begunAt = performance.now();
      const task = new RunningTask(frame.taskId, undefined);
      const value = task.during(nameOf(fn), () => perform(fn, frame.shape, payload));
      if (isThenable(value)) return this.#answerLater(frame, fn, { task, value, begunAt });
      const untold = frame.batch !== 0;
      return answer(this.#line, this.#answered(frame, fn, { begunAt, untold }), value)?.catch(
        (error: unknown) => this.#fail(frame, error, { begunAt }),
      );
    } catch (error) {
      return this.#fail(frame, error, { begunAt });
    }
  }

  async #answerLater(
    frame: Frame,
    fn: AnyFunction,
    { task, value, begunAt }: { task: RunningTask; value: PromiseLike<unknown>; begunAt: number },
  ): Promise<void> {
    const run = { begunAt, later: true };
    // It may take long.
    this.#line.tell();
    const settling = Promise.resolve(value);
    let stopListening: StopListening | undefined;
    try {
      if ((frame.flags & TaskFlags.Abortable) !== 0) {
        // It may reject before it is awaited.
        settling.catch(() => undefined);
        stopListening = await this.#listenFor(frame, task);
      }
      const settled = await settling;
      // How long it ran is asked now.
      await answer(this.#line, this.#answered(frame, fn, run), settled);
    } catch (error) {
      await this.#fail(frame, error, run);
    } finally {
      await stopListening?.();
    }
  }

  #listenFor({ taskId }: Frame, task: RunningTask): Promise<StopListening> {
    return this.#control.listenFor(taskId, (reason) => {
      task.abort(reason);
    });
  }

  async #serveInFull(frame: Frame): Promise<void> {
    const { taskId, number, shape } = frame;
    const task = this.#runningTask(frame);
    const run: Run = {};
    let stopListening: StopListening | undefined;
    const { functions } = this.#setup;
    try {
      const payload = frame.read() as readonly unknown[];
      if (!functions.isTold(number)) await this.#control.untilTold(number);
      if ((frame.flags & TaskFlags.Abortable) !== 0) {
        stopListening = await this.#listenFor(frame, task);
        task.throwIfAborted();
      }
      await this.#line.send({ kind: FrameKind.Started, taskId });
      run.begunAt = performance.now();
      const fn = await functions.get(number);
      task.throwIfAborted();
      if ((frame.flags & TaskFlags.Timed) !== 0)
        await this.#line.send({ kind: FrameKind.Called, taskId });
      const at = (index: number): void => {
        task.index = index;
      };
      const value = task.during(nameOf(fn), () => perform(fn, shape, payload, at));
      run.later = isThenable(value);
      const settled = await value;
      await answer(this.#line, this.#answered(frame, fn, run), settled);
    } catch (error) {
      await this.#fail(frame, error, run);
    } finally {
      await stopListening?.();
    }
  }

  #runningTask({ taskId, flags }: Frame): RunningTask {
    if ((flags & TaskFlags.Reporting) === 0) return new RunningTask(taskId, undefined);
    return new RunningTask(taskId, (value, number) => {
      this.#line.post({ kind: FrameKind.Report, taskId, number }, value, 'report');
    });
  }

  #answered({ taskId, shape }: Frame, fn: AnyFunction, run: Run): Answered {
    const { begunAt, untold = false } = run;
    const [flags, number] = [this.#flags(run), runTimeSince(begunAt)];
    return { taskId, shape, flags, number, untold, name: nameOf(fn) };
  }

  #fail({ taskId }: Frame, error: unknown, run: Run): Promise<void> | undefined {
    const number = runTimeSince(run.begunAt);
    const header = { kind: FrameKind.Failed, taskId, flags: this.#flags(run), number };
    return this.#line.send(header, encodeError(error));
  }

  #flags({ later = false }: Run): number {
    const { maxMemory } = this.#setup;
    const outgrown = maxMemory !== undefined && process.memoryUsage.rss() > maxMemory;
    return (outgrown ? AnswerFlags.Outgrown : 0) | (later ? AnswerFlags.Later : 0);
  }
}
