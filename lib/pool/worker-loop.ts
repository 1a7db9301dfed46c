/** What a worker does all its life: read a task, say that it begins, run it, answer. One at a time, until it is told to stop. */
import { inspect } from 'node:util';
import { SerializationError } from '../errors.js';
import { encodeError, type ErrorData } from '../serialization/error-codec.js';
import { RunningTask } from './current-task.js';
import { AnswerFlags, FrameKind, TaskFlags } from './frames.js';
import type { AnyFunction, FunctionSource } from './functions.js';
import type { Frame, PoolLine } from './pool-line.js';
import { answersEach, CallShape } from './task.js';
import { WorkerInbox } from './worker-inbox.js';

/** What a task of shape Each or StarEach answers for one item. */
export type EncodedOutcome =
  readonly [ok: true, value: unknown] | readonly [ok: false, error: ErrorData];

export interface WorkerSetup {
  readonly functions: FunctionSource;
  readonly initializer: (() => unknown) | undefined;
  /** Bytes of resident memory above which the worker asks to be replaced. */
  readonly maxMemory: number | undefined;
}

export async function serveTasks(line: PoolLine, setup: WorkerSetup): Promise<void> {
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
  const server = new TaskServer(line, setup);
  const { inbox } = server;
  for (let frame; (frame = await inbox.next()) !== undefined;) {
    if (frame.kind === FrameKind.Stop) return;
    if (frame.kind === FrameKind.Function) functions.learn(frame.number, frame.read());
    else if (frame.kind === FrameKind.Task) await server.serve(frame);
    // Anything else comes too late: the abort of a task that has ended.
  }
}

/** Runs tasks, and answers. */
class TaskServer {
  readonly inbox: WorkerInbox;
  readonly #line: PoolLine;
  readonly #setup: WorkerSetup;

  constructor(line: PoolLine, setup: WorkerSetup) {
    this.#line = line;
    this.#setup = setup;
    this.inbox = new WorkerInbox(line);
  }

  async serve(frame: Frame): Promise<void> {
    const { taskId, number, shape } = frame;
    const task = this.#runningTask(frame);
    let stopListening: (() => Promise<void>) | undefined;
    try {
      const payload = frame.read() as readonly unknown[];
      if ((frame.flags & TaskFlags.Abortable) !== 0) {
        stopListening = await this.inbox.listenFor(taskId, (reason) => {
          task.abort(reason);
        });
        task.throwIfAborted();
      }
      await this.#line.send({ kind: FrameKind.Started, taskId });
      const fn = await this.#setup.functions.get(number);
      task.throwIfAborted();
      if ((frame.flags & TaskFlags.Timed) !== 0)
        await this.#line.send({ kind: FrameKind.Called, taskId });
      const at = (index: number): void => {
        task.index = index;
      };
      const value = await task.during(fn.name, () => perform(fn, shape, payload, at));
      await answer(this.#line, { taskId, shape, flags: this.#flags(), name: fn.name }, value);
    } catch (error) {
      const header = { kind: FrameKind.Failed, taskId, flags: this.#flags() };
      await this.#line.send(header, encodeError(error));
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

  #flags(): number {
    const { maxMemory } = this.#setup;
    if (maxMemory === undefined || process.memoryUsage.rss() <= maxMemory) return 0;
    return AnswerFlags.Outgrown;
  }
}

/** Runs a task's function over its payload. `at` is told the place of each item before it is run. */
export async function perform(
  fn: AnyFunction,
  shape: CallShape,
  payload: readonly unknown[],
  at: (index: number) => void = () => undefined,
): Promise<unknown> {
  const call = fn as (...args: readonly unknown[]) => unknown;
  if (shape === CallShape.Apply) return call(...payload);
  const results: unknown[] = [];
  for (const [index, item] of payload.entries()) {
    at(index);
    if (shape === CallShape.Map) results.push(await call(item));
    else if (shape === CallShape.StarMap) results.push(await call(...(item as unknown[])));
    else if (shape === CallShape.Each) results.push(await outcomeOf(() => call(item)));
    else results.push(await outcomeOf(() => call(...(item as unknown[]))));
  }
  return results;
}

async function outcomeOf(call: () => unknown): Promise<EncodedOutcome> {
  try {
    return [true, await call()];
  } catch (error) {
    return [false, encodeError(error)];
  }
}

interface Answering {
  readonly taskId: number;
  readonly shape: CallShape;
  readonly flags: number;
  readonly name: string;
}

/** Python's MaybeEncodingError: a result that cannot travel fails its task, and the worker goes on. */
async function answer(line: PoolLine, task: Answering, value: unknown): Promise<void> {
  const { taskId, shape, flags, name } = task;
  const header = { kind: FrameKind.Done, taskId, shape, flags };
  try {
    await line.send(header, value, 'result');
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    if (!answersEach(shape)) throw describe(error, name, value);
    const outcomes = (value as EncodedOutcome[]).map((outcome) => travelling(line, name, outcome));
    await line.send(header, outcomes, 'result');
  }
}

/** One of several results cannot travel; the others can. */
function travelling(line: PoolLine, name: string, outcome: EncodedOutcome): EncodedOutcome {
  const [ok, value] = outcome;
  const problem = ok ? line.problemWith(value, 'result') : undefined;
  if (problem === undefined) return outcome;
  return [false, encodeError(describe(problem, name, value))];
}

const MAX_SHOWN = 200;

function describe(error: SerializationError, name: string, value: unknown): SerializationError {
  const shown = inspect(value, { depth: 1, breakLength: Infinity });
  const short = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  const whose = name === '' ? 'a task' : name;
  return new SerializationError(`${whose} returned ${short}: ${error.message}`, error.path);
}
