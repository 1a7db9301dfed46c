/** How a worker answers, also where the result cannot travel. */
import { inspect } from 'node:util';
import { SerializationError } from '../errors.js';
import { encodeError } from '../serialization/error-codec.js';
import { AnswerFlags, FrameKind } from './frames.js';
import type { EncodedOutcome } from './perform.js';
import type { TaskLine } from './pool-line.js';
import { answersEach, type CallShape } from './task.js';

/** The task, its function's name, and what is to be said with the answer. */
export interface Answered {
  readonly taskId: number;
  readonly shape: CallShape;
  readonly flags: number;
  readonly number: number;
  /** The pool need not hear of it before `tell()`. */
  readonly untold: boolean;
  readonly name: string;
}

/** Rejects with Python's MaybeEncodingError, our SerializationError: a result that cannot travel fails its task, and the worker goes on. */
export function answer(line: TaskLine, task: Answered, value: unknown): Promise<void> | undefined {
  const { taskId, shape, flags, number, untold } = task;
  const header = { kind: FrameKind.Done, taskId, shape, flags, number };
  const results = answersEach(shape) ? resultsOf(value as EncodedOutcome[]) : undefined;
  const sent =
    results === undefined
      ? line.send(header, value, 'result', untold)
      : line.send({ ...header, flags: flags | AnswerFlags.AllWell }, results, 'result', untold);
  return sent?.catch((error: unknown) => {
    if (!(error instanceof SerializationError)) throw error;
    if (!answersEach(shape)) throw describe(error, task.name, value);
    const outcomes = (value as EncodedOutcome[]).map((one) => travelling(line, task.name, one));
    return line.send(header, outcomes, 'result');
  });
}

/** Undefined when one has failed. */
function resultsOf(outcomes: readonly EncodedOutcome[]): unknown[] | undefined {
  const results: unknown[] = [];
  for (const [ok, result] of outcomes) {
    if (!ok) return undefined;
    results.push(result);
  }
  return results;
}

/** One of several results cannot travel; the others can. */
function travelling(line: TaskLine, name: string, outcome: EncodedOutcome): EncodedOutcome {
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
