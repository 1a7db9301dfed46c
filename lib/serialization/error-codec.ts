/**
 * Errors as data, for what a task throws and for errors inside messages: class, message, stack, code and other properties,
 * cause and aggregated errors arrive. Neither side may be broken by what it is given: getters that throw, proxies, cycles
 * and values without end are met here and nowhere else.
 */
import { inspect, types } from 'node:util';
import { ProcessError, RemoteError, SerializationError } from '../errors.js';
import { CloneWriter } from './clone-stream.js';
import { classOf, knownClass } from './error-classes.js';
import { holdsHostObject } from './host-objects.js';
import { className } from './unclonable.js';

/** Causes of causes up to here; deeper ones are dropped with a note. */
const MAX_DEPTH = 16;
const MAX_PROPERTIES = 256;
const MAX_AGGREGATED = 1000;
/** For the text of a thrown value that cannot travel. */
const MAX_TEXT_LENGTH = 16 * 1024;
/** Names the properties that could not travel, on the error that arrives. */
const UNCLONABLE = '[unclonable]';

/** A thrown value in a form that structured clone carries. To everybody but this file it is opaque. */
export type ErrorData =
  | { readonly kind: 'error'; readonly error: ErrorRecord }
  /** Not an error, and clonable: it arrives as itself. */
  | { readonly kind: 'value'; readonly value: unknown }
  /** Neither an error nor clonable: only its description arrives. */
  | { readonly kind: 'text'; readonly text: string };

interface ErrorRecord {
  readonly class: string;
  /** Both sides have the class; otherwise it arrives as RemoteError under this name. */
  readonly known: boolean;
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** Of a RemoteError, which tells of yet another process. */
  readonly remoteStack?: string | undefined;
  readonly properties: readonly (readonly [string, unknown])[];
  readonly unclonable: readonly string[];
  readonly cause?: ErrorData;
  readonly errors?: readonly ErrorData[];
}

/** Errors of any realm, DOMException included. A proxy of an error is none: nothing about it can be relied on. */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  return types.isNativeError(value) || (!types.isProxy(value) && value instanceof Error);
}

/** Takes anything that can be thrown; never throws. */
export function encodeError(thrown: unknown): ErrorData {
  return encode(thrown, []);
}

function encode(thrown: unknown, parents: readonly object[]): ErrorData {
  if (isError(thrown)) return { kind: 'error', error: encodeRecord(thrown, parents) };
  if (isClonable(thrown)) return { kind: 'value', value: thrown };
  return { kind: 'text', text: textOf(thrown) };
}

function encodeRecord(error: Error, parents: readonly object[]): ErrorRecord {
  const { name: cls, known } = attempt(() => classOf(error)) ?? { name: 'Error', known: false };
  const message = text(() => error.message) ?? '';
  const name = nameOf(error, cls, known);
  const chain = [...parents, error];
  const unclonable: string[] = [];
  return {
    class: cls,
    known,
    name,
    message,
    stack: text(() => error.stack) ?? (message === '' ? name : `${name}: ${message}`),
    remoteStack: error instanceof RemoteError ? text(() => error.remoteStack) : undefined,
    properties: encodeProperties(error, unclonable),
    ...encodeCause(error, chain, unclonable),
    ...encodeAggregated(error, chain, unclonable),
    unclonable,
  };
}

/** A class that never set a name would call itself like its built-in parent. */
function nameOf(error: Error, cls: string, known: boolean): string {
  const name = text(() => error.name) ?? cls;
  return !known && knownClass(name) && !ownsName(error) ? cls : name;
}

function ownsName(error: Error): boolean {
  return attempt(() => Object.hasOwn(error, 'name')) ?? false;
}

/** Told in their own fields of the record, or belonging to this process only. */
const notProperties = new Set(['message', 'stack', 'cause', 'remoteStack']);

function encodeProperties(error: Error, unclonable: string[]): [string, unknown][] {
  const properties: [string, unknown][] = [];
  for (const key of attempt(() => Object.keys(error)) ?? []) {
    if (notProperties.has(key)) continue;
    if (properties.length === MAX_PROPERTIES) {
      unclonable.push(
        `${key} and the ones after it: more than ${String(MAX_PROPERTIES)} properties`,
      );
      break;
    }
    try {
      const value: unknown = error[key as keyof Error];
      if (key === 'errors' && Array.isArray(value)) continue;
      if (isClonable(value)) properties.push([key, value]);
      else unclonable.push(`${key}: ${kindOf(value)}`);
    } catch {
      unclonable.push(`${key}: a getter that throws`);
    }
  }
  return properties;
}

function encodeCause(
  error: Error,
  chain: readonly object[],
  unclonable: string[],
): { cause?: ErrorData } {
  if (!(attempt(() => Object.hasOwn(error, 'cause')) ?? false)) return {};
  const cause = attempt(() => error.cause);
  const refusal = endOfChain(cause, chain);
  if (refusal === undefined) return { cause: encode(cause, chain) };
  unclonable.push(`cause: ${refusal}`);
  return {};
}

function endOfChain(next: unknown, chain: readonly object[]): string | undefined {
  if (chain.includes(next as object)) return 'an error of which this one is the cause';
  return chain.length >= MAX_DEPTH ? `more than ${String(MAX_DEPTH)} causes deep` : undefined;
}

function encodeAggregated(
  error: Error,
  chain: readonly object[],
  unclonable: string[],
): { errors?: ErrorData[] } {
  const errors = attempt(() => (error as AggregateError).errors as unknown);
  if (!Array.isArray(errors)) return {};
  const encoded: ErrorData[] = [];
  for (const [index, item] of errors.slice(0, MAX_AGGREGATED).entries()) {
    const refusal = endOfChain(item, chain);
    if (refusal === undefined) encoded.push(encode(item, chain));
    else unclonable.push(`errors[${String(index)}]: ${refusal}`);
  }
  if (errors.length > MAX_AGGREGATED) {
    unclonable.push(`errors[${String(MAX_AGGREGATED)}] and the ones after it`);
  }
  return { errors: encoded };
}

function isClonable(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return false;
  if (typeof value !== 'object' || value === null) return true;
  return (
    attempt(() => {
      new CloneWriter().writeValue(value);
      return !holdsHostObject(value);
    }) ?? false
  );
}

function kindOf(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  return `an instance of ${className(value as object)}`;
}

function textOf(value: unknown): string {
  const shown = attempt(() => inspect(value, { depth: 2, breakLength: 100 }));
  return (shown ?? `a ${typeof value} that cannot be shown`).slice(0, MAX_TEXT_LENGTH);
}

/** Reading from a stranger: what throws has no value. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function text(read: () => unknown): string | undefined {
  const value = attempt(read);
  return typeof value === 'string' ? value : undefined;
}

/**
 * What `encodeError` was given, as this process can have it. Errors come with a non-enumerable `remoteStack`, and their
 * `stack` is the remote one: it tells where the error came from, which no local stack could.
 * @throws SerializationError when the data is not encodeError's.
 */
export function decodeError(data: unknown): unknown {
  return decode(data, 0);
}

function decode(data: unknown, depth: number): unknown {
  const given = data as Partial<{ kind: string; value: unknown; text: unknown; error: unknown }>;
  if (typeof data === 'object' && data !== null && depth <= MAX_DEPTH) {
    if (given.kind === 'value') return given.value;
    if (given.kind === 'text') return decodeText(given.text);
    if (given.kind === 'error' && isRecord(given.error)) return decodeRecord(given.error, depth);
  }
  throw new SerializationError('the message holds an error in an unknown form', 'message');
}

function decodeText(shown: unknown): RemoteError {
  return new RemoteError(`a value that cannot be sent was thrown: ${String(shown)}`, '');
}

function isRecord(value: unknown): value is ErrorRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  return (
    ['class', 'name', 'message', 'stack'].every((key) => typeof record[key] === 'string') &&
    ['string', 'undefined'].includes(typeof record['remoteStack']) &&
    Array.isArray(record['properties']) &&
    record['properties'].every((pair) => Array.isArray(pair) && typeof pair[0] === 'string') &&
    Array.isArray(record['unclonable']) &&
    (record['errors'] === undefined || Array.isArray(record['errors']))
  );
}

function decodeRecord(record: ErrorRecord, depth: number): Error {
  const error = instantiate(record);
  for (const [key, value] of record.properties) define(error, key, value, true);
  if (error.name !== record.name) define(error, 'name', record.name);
  define(error, 'stack', record.stack);
  define(error, 'remoteStack', record.remoteStack ?? record.stack);
  if (record.cause !== undefined) define(error, 'cause', decode(record.cause, depth + 1));
  if (record.errors)
    define(
      error,
      'errors',
      record.errors.map((item) => decode(item, depth + 1)),
    );
  if (record.unclonable.length > 0) define(error, UNCLONABLE, [...record.unclonable], true);
  return error;
}

/** An error made by the engine under the right prototype: constructors would want arguments that are not known here. */
function instantiate(record: ErrorRecord): Error {
  if (record.class === 'DOMException') return new DOMException(record.message, record.name);
  const cls = record.known ? knownClass(record.class) : undefined;
  if (cls === undefined) return new RemoteError(record.message, record.stack);
  const error = new Error(record.message);
  Object.setPrototypeOf(error, cls.prototype as object);
  // Not instanceof, which for this class asks for the very mark that is to be set.
  if (cls === ProcessError || Object.prototype.isPrototypeOf.call(ProcessError, cls)) {
    Object.defineProperty(error, Symbol.for('node-multiprocessing.error'), { value: true });
  }
  return error;
}

/** Never an assignment: a property may be called `__proto__`. */
function define(error: Error, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
}
