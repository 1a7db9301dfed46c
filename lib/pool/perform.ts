/** How a worker applies a function to what it was given. */
import { encodeError, type ErrorData } from '../serialization/error-codec.js';
import { isThenable } from './current-task.js';
import type { AnyFunction } from './functions.js';
import { CallShape } from './task.js';

/** What a task of shape Each or StarEach answers for one item. */
export type EncodedOutcome =
  readonly [ok: true, value: unknown] | readonly [ok: false, error: ErrorData];

type Run = (item: unknown) => unknown;

/**
 * Runs a task's function over its payload: the answer, or a promise of it if the function answers one. `at` is told the place of
 * each item before it is run.
 */
export function perform(
  fn: AnyFunction,
  shape: CallShape,
  payload: readonly unknown[],
  at: (index: number) => void = () => undefined,
): unknown {
  const call = fn as (...args: readonly unknown[]) => unknown;
  if (shape === CallShape.Apply) return call(...payload);
  const run = runOf(call, shape);
  const results = new Array<unknown>(payload.length);
  for (let i = 0; i < payload.length; i++) {
    at(i);
    const result = run(payload[i]);
    if (isThenable(result)) return performLater({ run, payload, at, results }, i, result);
    results[i] = result;
  }
  return results;
}

interface Performance {
  readonly run: Run;
  readonly payload: readonly unknown[];
  readonly at: (index: number) => void;
  readonly results: unknown[];
}

/** The rest, from item `i` on, whose result is awaited. */
async function performLater(
  { run, payload, at, results }: Performance,
  i: number,
  first: PromiseLike<unknown>,
): Promise<unknown[]> {
  results[i] = await first;
  for (let next = i + 1; next < payload.length; next++) {
    at(next);
    results[next] = await run(payload[next]);
  }
  return results;
}

function runOf(call: (...args: readonly unknown[]) => unknown, shape: CallShape): Run {
  const star = shape === CallShape.StarMap || shape === CallShape.StarEach;
  const run: Run = star ? (item) => call(...(item as unknown[])) : call;
  return shape === CallShape.Map || shape === CallShape.StarMap
    ? run
    : (item) => outcomeOf(run, item);
}

function outcomeOf(run: Run, item: unknown): EncodedOutcome | Promise<EncodedOutcome> {
  try {
    const value = run(item);
    return isThenable(value) ? outcomeLater(value) : [true, value];
  } catch (error) {
    return [false, encodeError(error)];
  }
}

async function outcomeLater(value: PromiseLike<unknown>): Promise<EncodedOutcome> {
  try {
    return [true, await value];
  } catch (error) {
    return [false, encodeError(error)];
  }
}
