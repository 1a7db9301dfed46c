/** What a worker does all its life: read a task, say that it begins, run it, answer. One at a time, until it is told to stop. */
import { inspect } from 'node:util';
import { SerializationError } from '../errors.js';
import { encodeError, type ErrorData } from '../serialization/error-codec.js';
import { FrameKind } from './frames.js';
import type { AnyFunction, FunctionSource } from './functions.js';
import type { Frame, PoolLine } from './pool-line.js';
import { answersEach, CallShape } from './task.js';

/** What a task of shape Each or StarEach answers for one item. */
export type EncodedOutcome =
  readonly [ok: true, value: unknown] | readonly [ok: false, error: ErrorData];

export interface WorkerSetup {
  readonly functions: FunctionSource;
  readonly initializer: (() => unknown) | undefined;
}

export async function serveTasks(
  line: PoolLine,
  { functions, initializer }: WorkerSetup,
): Promise<void> {
  try {
    await initializer?.();
  } catch (error) {
    await line.send({ kind: FrameKind.InitializerFailed }, encodeError(error));
    return;
  }
  await line.send({ kind: FrameKind.Ready, number: functions.horizon });
  for (let frame; (frame = await line.recv()) !== undefined;) {
    if (frame.kind === FrameKind.Stop) return;
    if (frame.kind === FrameKind.Function) functions.learn(frame.number, frame.read());
    else await serve(line, functions, frame);
  }
}

async function serve(line: PoolLine, functions: FunctionSource, frame: Frame): Promise<void> {
  const { taskId, number, shape } = frame;
  try {
    const payload = frame.read() as readonly unknown[];
    await line.send({ kind: FrameKind.Started, taskId });
    const fn = await functions.get(number);
    const value = await perform(fn, shape, payload);
    await answer(line, { taskId, shape, name: fn.name }, value);
  } catch (error) {
    await line.send({ kind: FrameKind.Failed, taskId }, encodeError(error));
  }
}

/** Runs a task's function over its payload. */
export async function perform(
  fn: AnyFunction,
  shape: CallShape,
  payload: readonly unknown[],
): Promise<unknown> {
  const call = fn as (...args: readonly unknown[]) => unknown;
  if (shape === CallShape.Apply) return call(...payload);
  const results: unknown[] = [];
  for (const item of payload) {
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
  readonly name: string;
}

/** Python's MaybeEncodingError: a result that cannot travel fails its task, and the worker goes on. */
async function answer(line: PoolLine, task: Answering, value: unknown): Promise<void> {
  const { taskId, shape, name } = task;
  try {
    await line.send({ kind: FrameKind.Done, taskId, shape }, value, 'result');
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    if (!answersEach(shape)) throw describe(error, name, value);
    const outcomes = (value as EncodedOutcome[]).map((outcome) => travelling(line, name, outcome));
    await line.send({ kind: FrameKind.Done, taskId, shape }, outcomes, 'result');
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
