import { types } from 'node:util';
import { SerializationError } from '../errors.js';
import { CloneWriter, Placeholder } from './clone-stream.js';
import { decodeError, encodeError, isError } from './error-codec.js';
import { isHostObject, isKnownHostObject, isPlain } from './host-objects.js';
import { type Reducer, findReducer, registerPlaceholder } from './reducers.js';
import { taskFunction, taskReferenceOf } from './task-ref.js';
import type { Transfer } from './transfer.js';
import { type Refusal, refusedByEngine, whyUnclonable } from './unclonable.js';

const ERROR_TAG = 'error';
const TASK_TAG = 'task';
registerPlaceholder(ERROR_TAG, 'Error', decodeError);
registerPlaceholder(TASK_TAG, 'taskRef', taskFunction);

/** One step from a value to a part of it: turns the path of the whole into the path of the part. */
type Step = (path: string) => string;

/**
 * Copies a value's containers (plain objects, arrays, maps, sets; cycles and aliases kept) with placeholders where a reducer,
 * the error codec or a task reference takes over. Leaves that structured clone writes as they are stay themselves. Throws
 * SerializationError at the first part that cannot travel, with its path.
 */
export class GraphWalk {
  /** How many parts were replaced: zero means that the copy says nothing the original does not. */
  replaced = 0;
  readonly #copies = new Map<object, unknown>();
  readonly #reducing = new Set<object>();
  readonly #steps: Step[] = [];
  readonly #transfer: Transfer | undefined;
  readonly #root: string;
  readonly #refused: object | undefined;
  readonly #askEngine: boolean;

  /**
   * `refused` is the object that V8 is known to have no way of writing. With `askEngine` it is known to refuse some part, which a
   * walk has not found by its kind.
   */
  constructor(
    transfer: Transfer | undefined,
    root: string,
    refused: object | undefined,
    askEngine = false,
  ) {
    this.#askEngine = askEngine;
    this.#transfer = transfer;
    this.#root = root;
    this.#refused = refused;
  }

  copy(value: unknown): unknown {
    if (typeof value === 'function') return this.#copyFunction(value);
    if (typeof value === 'symbol') return this.#refuse(whyUnclonable(value));
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    if (this.#reducing.has(value)) return this.#refuse(reducesToItself);
    return this.#copyObject(value);
  }

  #copyObject(value: object): unknown {
    // First of all, since whatever else is asked of a proxy runs its owner's code.
    if (types.isProxy(value)) return this.#refuse(whyUnclonable(value));
    const reducer = findReducer(value);
    if (reducer) return this.#reduce(value, reducer);
    if (isError(value)) return this.#replace(value, ERROR_TAG, encodeError(value));
    const refusal = whyUnclonable(value);
    if (refusal) return this.#refuse(refusal);
    if (value === this.#refused) return this.#refuse(refusedByEngine(value));
    if (Array.isArray(value)) return this.#copyProperties(value, new Array(value.length));
    if (types.isMap(value)) return this.#copyMap(value);
    if (types.isSet(value)) return this.#copySet(value);
    if (isLeaf(value)) {
      if (this.#askEngine) this.#checkByEngine(value);
      return value;
    }
    const isExotic = Symbol.toStringTag in value || !isPlain(value);
    if (isExotic && Object.keys(value).length === 0) this.#checkEmpty(value);
    else if (isExotic && isKnownHostObject(value)) this.#refuse(refusedByEngine(value));
    const copy = this.#copyProperties(value, {});
    // No part of it was the reason.
    if (isExotic && this.#askEngine) this.#checkByEngine(value);
    return copy;
  }

  #copyFunction(fn: object): unknown {
    const known = this.#copies.get(fn);
    if (known !== undefined) return known;
    const reference = taskReferenceOf(fn);
    if (!reference) return this.#refuse(whyUnclonable(fn));
    return this.#replace(fn, TASK_TAG, { ...reference });
  }

  #replace(value: object, tag: string, data: unknown): Placeholder {
    const placeholder = new Placeholder(tag, data);
    this.#copies.set(value, placeholder);
    this.replaced += 1;
    return placeholder;
  }

  #reduce(value: object, reducer: Reducer): Placeholder {
    if (reducer.needsTransfer && !this.#transfer) return this.#refuse(noTransfer(reducer));
    let data: unknown;
    try {
      data = reducer.reduce(value as never, this.#transfer as Transfer);
    } catch (error) {
      if (error instanceof SerializationError) throw error;
      return this.#refuse(
        { what: `an instance of ${reducer.className}`, wayOut: said(error) },
        error,
      );
    }
    this.#reducing.add(value);
    // The data's place is the instance's: a reducer's inner names would say nothing to its user.
    const copied = this.copy(data);
    this.#reducing.delete(value);
    return this.#replace(value, reducer.tag, copied);
  }

  /** Own enumerable string keys, as structured clone takes them; holes of arrays stay holes. */
  #copyProperties(value: object, copy: object): object {
    this.#copies.set(value, copy);
    for (const key of Object.keys(value)) {
      const part = this.#copyProperty(value, key);
      // Assignment would call the setter of `__proto__`.
      if (key === '__proto__') defineOwn(copy, key, part);
      else (copy as Record<string, unknown>)[key] = part;
    }
    return copy;
  }

  #copyProperty(value: object, key: string): unknown {
    let part: unknown;
    let failure: { error: unknown } | undefined;
    try {
      part = (value as Record<string, unknown>)[key];
    } catch (error) {
      failure = { error };
    }
    // Most parts are leaves: they need no place in the path.
    if (!failure && isPrimitive(part)) return part;
    this.#steps.push((path) => path + propertyStep(key, Array.isArray(value)));
    if (failure) return this.#refuse(throwingGetter(failure.error), failure.error);
    const copy = this.copy(part);
    this.#steps.pop();
    return copy;
  }

  #copyMap(map: Map<unknown, unknown>): Map<unknown, unknown> {
    const copy = new Map<unknown, unknown>();
    this.#copies.set(map, copy);
    let index = 0;
    // A reducer may change what is being walked: V8 takes the entries beforehand too.
    for (const [key, part] of [...map]) {
      const at = index++;
      this.#steps.push((path) => `[...${path}.keys()][${String(at)}]`);
      const copiedKey = this.copy(key);
      this.#steps.pop();
      this.#steps.push(mapStep(key, at));
      copy.set(copiedKey, this.copy(part));
      this.#steps.pop();
    }
    return copy;
  }

  #copySet(set: Set<unknown>): Set<unknown> {
    const copy = new Set<unknown>();
    this.#copies.set(set, copy);
    let index = 0;
    for (const part of [...set]) {
      const at = index++;
      this.#steps.push((path) => `[...${path}][${String(at)}]`);
      copy.add(this.copy(part));
      this.#steps.pop();
    }
    return copy;
  }

  #checkEmpty(value: object): void {
    this.#checkByEngine(value);
    if (isHostObject(value)) this.#refuse(refusedByEngine(value));
  }

  /**
   * Objects of the engine that no check knows (Intl, WebAssembly, iterators …) have a string tag and mostly no properties: V8
   * is asked. Copying them property by property would turn them into empty objects silently.
   */
  #checkByEngine(value: object): void {
    try {
      new CloneWriter().writeValue(value);
    } catch {
      this.#refuse(refusedByEngine(value));
    }
  }

  #refuse(refusal: Refusal | undefined, cause?: unknown): never {
    const path = this.#steps.reduce((whole, step) => step(whole), this.#root);
    const { what, wayOut } = refusal ?? { what: 'not clonable', wayOut: 'send plain data' };
    throw new SerializationError(
      `${path} cannot be sent to another process: it is ${what}; ${wayOut}`,
      path,
      cause === undefined ? {} : { cause },
    );
  }
}

const reducesToItself: Refusal = {
  what: 'an instance whose reducer answers data that holds the instance itself',
  wayOut: 'let reduce leave the reference out and rebuild restore it',
};

function noTransfer(reducer: Reducer): Refusal {
  return {
    what: `a ${reducer.className}, which needs a way that carries operating-system handles`,
    wayOut: 'send it as an argument of a Process, in a Queue or over a Connection of this machine',
  };
}

function throwingGetter(error: unknown): Refusal {
  return { what: 'a getter that throws', wayOut: said(error) };
}

/** What every message can hold: no object, no function, no symbol. */
function isPrimitive(value: unknown): boolean {
  const type = typeof value;
  return type === 'object' ? value === null : type !== 'function' && type !== 'symbol';
}

function said(error: unknown): string {
  return `it says: ${error instanceof Error ? error.message : String(error)}`;
}

/** What structured clone writes without looking at properties. */
function isLeaf(value: object): boolean {
  return (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isBoxedPrimitive(value) ||
    types.isArrayBuffer(value) ||
    ArrayBuffer.isView(value)
  );
}

function propertyStep(key: string, isArray: boolean): string {
  if (isArray && /^\d+$/.test(key)) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
    ? `.${key}`
    : `[${JSON.stringify(key)}]`;
}

function mapStep(key: unknown, index: number): Step {
  if (typeof key === 'string') return (path) => `${path}.get(${JSON.stringify(key)})`;
  if (typeof key === 'number' || typeof key === 'boolean') {
    return (path) => `${path}.get(${String(key)})`;
  }
  return (path) => `[...${path}.values()][${String(index)}]`;
}

function defineOwn(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
