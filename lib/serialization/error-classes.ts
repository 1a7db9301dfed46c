import { types } from 'node:util';
import * as ownErrors from '../errors.js';

type ErrorClass = abstract new (...args: never[]) => Error;

const builtIns: readonly ErrorClass[] = [
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
  DOMException,
];

/** Name → class, for every error class that both sides are sure to have. */
const knownClasses = new Map<string, ErrorClass>(builtIns.map((cls) => [cls.name, cls]));
for (const own of Object.values(ownErrors)) {
  if (typeof own === 'function' && isErrorClass(own)) knownClasses.set(own.name, own);
}

function isErrorClass(fn: object): fn is ErrorClass {
  return Error.isPrototypeOf.call(Error, fn);
}

const OWN_ERROR = Symbol.for('node-multiprocessing.error');
/** Classes of Node's own that it does not export; their errors count as their nearest public class. */
const hiddenNodeClasses = new Set(['NodeError', 'AbortError', 'SystemError']);

/** The class registered under this name, if both sides have it. */
export function knownClass(name: string): ErrorClass | undefined {
  // Looked up late: few programs need node:assert, and it is not small.
  if (name === 'AssertionError') return process.getBuiltinModule('node:assert').AssertionError;
  return knownClasses.get(name);
}

/**
 * How an error's class is named to the other side: `known` when it is (exactly) one that both have. Subclasses are not: a
 * user's `class TimeoutError extends Error` must not arrive as ours.
 */
export function classOf(error: Error): { name: string; known: boolean } {
  const chain = constructorsOf(error);
  const first = chain[0];
  if (!first) return { name: 'Error', known: types.isNativeError(error) };
  if (isKnown(first, error)) return { name: first.name, known: true };
  if (hiddenNodeClasses.has(first.name) && isNodeCode((error as { code?: unknown }).code)) {
    const base = chain.find((cls) => isKnown(cls, error));
    if (base) return { name: base.name, known: true };
  }
  return { name: first.name || 'Error', known: false };
}

/** From the error's class up to, and without, Object. */
function constructorsOf(error: Error): { name: string }[] {
  const found: { name: string }[] = [];
  for (let at = prototypeOf(error); at !== null && at !== Object.prototype; at = prototypeOf(at)) {
    const constructor: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
    if (typeof constructor === 'function') found.push(constructor);
  }
  return found;
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}

function isKnown(cls: { name: string }, error: Error): boolean {
  const same = knownClass(cls.name);
  if (same === undefined) return false;
  if (same === cls) return true;
  // Another copy of the package, or another realm's built-in (vm contexts have their own TypeError).
  if ((error as { [OWN_ERROR]?: unknown })[OWN_ERROR] === true) return true;
  return types.isNativeError(error) && isNativeCode(cls);
}

function isNativeCode(fn: object): boolean {
  return Function.prototype.toString.call(fn).includes('[native code]');
}

function isNodeCode(code: unknown): boolean {
  return typeof code === 'string' && /^(ERR_|ABORT_ERR$)/.test(code);
}
