import { inspect, types } from 'node:util';
import { isSignal } from './abort-signal.js';
import { type Names, type OTHERS_TOO, unknownName } from './option-names.js';

/** Argument checks, with one wording: every message names the argument, what was given, and what is accepted. */

/** A program may have put anything in its place, a symbol too. */
export function nameOf(fn: { readonly name: unknown }): string {
  const { name } = fn;
  return typeof name === 'string' ? name : '';
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (types.isProxy(value)) return 'a Proxy';
  if (typeof value === 'function') {
    const name = nameOf(value);
    return name === '' ? 'a function' : `function ${name}`;
  }
  if (typeof value === 'string')
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'object') return `an instance of ${value.constructor?.name ?? 'Object'}`;
  return inspect(value);
}

export function invalidType(name: string, expected: string, given: unknown): TypeError {
  const error = new TypeError(`${name} must be ${expected}, got ${describe(given)}`);
  return Object.assign(error, { code: 'ERR_MP_INVALID_ARGUMENT' });
}

export function outOfRange(name: string, expected: string, given: unknown): RangeError {
  const error = new RangeError(`${name} must be ${expected}, got ${describe(given)}`);
  return Object.assign(error, { code: 'ERR_MP_OUT_OF_RANGE' });
}

export function checkFunction(
  name: string,
  value: unknown,
): asserts value is (...args: never[]) => unknown {
  if (typeof value !== 'function') throw invalidType(name, 'a function', value);
}

export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'a string', value);
}

export function checkBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'a boolean', value);
}

/** Absent, or an object. */
export function checkObject(name: string, value: unknown): asserts value is object | undefined {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidType(name, 'an object', value);
}

/** An options bag: absent, or an object whose own names are all known. */
export function checkOptions(
  name: string,
  value: unknown,
  known: Names<object>,
  others?: typeof OTHERS_TOO,
): void {
  checkObject(name, value);
  const unknown = value && unknownName(value, known, others);
  if (unknown === undefined) return;
  const { name: given, meant } = unknown;
  const instead =
    meant === undefined
      ? `the options are ${Object.keys(known).join(', ')}`
      : `did you mean ${meant}?`;
  const error = new TypeError(`${name}.${given} is not known: ${instead}`);
  throw Object.assign(error, { code: 'ERR_MP_INVALID_ARGUMENT' });
}

export function checkInteger(
  name: string,
  value: unknown,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'a number', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    const upper = max === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${String(max)}`;
    throw outOfRange(name, `an integer of at least ${String(min)}${upper}`, value);
  }
}

/** Milliseconds: absent waits for ever, 0 tries once; negative and NaN are RangeErrors; Infinity is the same as absent. */
export function checkTimeout(name: string, value: unknown): asserts value is number | undefined {
  if (value === undefined) return;
  if (typeof value !== 'number') throw invalidType(name, 'a number of milliseconds', value);
  if (Number.isNaN(value) || value < 0) throw outOfRange(name, 'zero or more milliseconds', value);
}

export function checkSignal(
  name: string,
  value: unknown,
): asserts value is AbortSignal | undefined {
  if (value !== undefined && !isSignal(value)) throw invalidType(name, 'an AbortSignal', value);
}

/** The options every wait takes. `timeout` in milliseconds. */
export interface Wait {
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** What the blocking forms take: no signal can reach a blocked thread. */
export type SyncWait = Pick<Wait, 'timeout'>;

export const WAIT: Names<Wait> = { timeout: true, signal: true };

export const FOR_EVER: Wait = Object.freeze({});

/** What a blocking form was told: its timeout, read once. A signal would look as if it could end the wait: no listener runs meanwhile. */
export function readSyncTimeout(
  name: string,
  wait: Pick<Wait, 'timeout'> | undefined,
  known: Names<Wait> = WAIT,
): number | undefined {
  if (wait === undefined) return undefined;
  checkOptions(name, wait, known);
  const { timeout, signal }: Wait = wait;
  checkTimeout(`${name}.timeout`, timeout);
  if (signal === undefined) return timeout;
  const error = new TypeError(
    `${name}.signal cannot end a wait that blocks the thread: pass a timeout, or await the form without Sync`,
  );
  throw Object.assign(error, { code: 'ERR_MP_INVALID_ARGUMENT' });
}

/**
 * A checked copy. What the caller's object runs when it is read, it runs here, once: later something might be half done, and the answer
 * another one.
 */
export function readWait(name: string, wait: Wait | undefined, known: Names<Wait> = WAIT): Wait {
  if (wait === undefined || wait === FOR_EVER) return FOR_EVER;
  checkOptions(name, wait, known);
  const { timeout, signal } = wait;
  checkTimeout(`${name}.timeout`, timeout);
  checkSignal(`${name}.signal`, signal);
  return { timeout, signal };
}
