/** What a worker does all its life: read a task, say that it begins, run it, answer. One at a time, until it is told to stop. */
import { inspect } from 'node:util';
import { SerializationError } from '../errors.js';
import { encodeError, type ErrorData } from '../serialization/error-codec.js';
import { FrameKind } from './frames.js';
import type { AnyFunction, FunctionSource } from './functions.js';
import type { Frame, PoolLine } from './pool-line.js';
import { CallShape } from './task.js';

/** What a task of shape Each answers for one item. */
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
    await answer(line, { taskId, shape }, value, resultOf(fn));
  } catch (error) {
    await line.send({ kind: FrameKind.Failed, taskId }, encodeError(error));
  }
}

function resultOf(fn: AnyFunction): string {
  return fn.name === '' ? 'the result of the function' : `the result of ${fn.name}`;
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
    else results.push(await outcomeOf(call, item));
  }
  return results;
}

async function outcomeOf(call: (item: unknown) => unknown, item: unknown): Promise<EncodedOutcome> {
  try {
    return [true, await call(item)];
  } catch (error) {
    return [false, encodeError(error)];
  }
}

type AnswerTo = { readonly taskId: number; readonly shape: CallShape };

/** Python's MaybeEncodingError: a result that cannot travel fails its task, and the worker goes on. */
async function answer(line: PoolLine, task: AnswerTo, value: unknown, what: string): Promise<void> {
  try {
    await line.send({ kind: FrameKind.Done, ...task }, value, what);
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    if (task.shape !== CallShape.Each) throw describe(error, value);
    const outcomes = (value as EncodedOutcome[]).map((outcome) => travelling(line, outcome, what));
    await line.send({ kind: FrameKind.Done, ...task }, outcomes, what);
  }
}

/** One of several results cannot travel; the others can. */
function travelling(line: PoolLine, outcome: EncodedOutcome, what: string): EncodedOutcome {
  const [ok, value] = outcome;
  const problem = ok ? line.problemWith(value, what) : undefined;
  return problem === undefined ? outcome : [false, encodeError(describe(problem, value))];
}

const MAX_SHOWN = 200;

function describe(error: SerializationError, value: unknown): SerializationError {
  const shown = inspect(value, { depth: 1, breakLength: Infinity });
  const short = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  return new SerializationError(`${error.message} (the value: ${short})`, error.path, {
    cause: error,
  });
}
