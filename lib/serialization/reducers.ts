/**
 * How instances of classes travel: taken apart into plain data by `reduce`, put together by `rebuild` in the other process,
 * looked up by tag. The package's own classes register themselves where they are defined; users register theirs.
 *
 * The nearest registered class on the prototype chain counts, so an instance of a subclass uses its parent's reducer (as
 * Python's `__reduce__` is inherited) and arrives as whatever the parent's `rebuild` makes of the data.
 */
import type { TransferHandle } from '../backend/contract.js';
import { checkFunction, checkString, outOfRange } from '../base/options.js';
import { SerializationError } from '../errors.js';
import type { Transfer } from './transfer.js';

type Class<T> = abstract new (...args: never[]) => T;

/** How one of the package's own handle classes travels. `reduce` adds its handles to the transfer and answers plain data. */
export interface HandleReducer<T, D> {
  reduce(value: T, transfer: Transfer): D;
  /** `handles` as they arrived; take them with `takeHandle`. The data is to be checked: it may come from anywhere. */
  rebuild(data: D, handles: readonly TransferHandle[]): T;
}

/** A registered class. `tag` is what goes over the wire: users' tags and our own can never meet. */
export interface Reducer {
  readonly tag: string;
  readonly className: string;
  readonly needsTransfer: boolean;
  readonly reduce: (value: never, transfer: Transfer) => unknown;
  readonly rebuild: (data: never, handles: readonly TransferHandle[]) => unknown;
}

/** The longest tag, so that a damaged or hostile message cannot make error texts without bound. */
const MAX_TAG_LENGTH = 200;

const byTag = new Map<string, Reducer>();
const byPrototype = new Map<object, Reducer>();
/** Prototype → nearest reducer, so that a chain is climbed once. Forgotten at every registration. */
let nearest = new WeakMap<object, Reducer | false>();
let userReducers = 0;

/** Teach the serializer a class: how to take it apart and put it together in another process, which must register it too. */
export function registerReducer<T, D>(
  cls: abstract new (...args: never[]) => T,
  reduce: (value: T) => D,
  rebuild: (data: D) => T,
  tag: string,
): void {
  checkFunction('cls', cls);
  checkFunction('reduce', reduce);
  checkFunction('rebuild', rebuild);
  checkString('tag', tag);
  if (tag === '' || tag.length > MAX_TAG_LENGTH) {
    throw outOfRange('tag', `a string of 1 to ${String(MAX_TAG_LENGTH)} characters`, tag);
  }
  add(cls, {
    tag: `user:${tag}`,
    className: cls.name,
    needsTransfer: false,
    reduce,
    rebuild,
  });
  userReducers += 1;
}

/**
 * For the package's own classes, called by the file of the class when it loads. The constructor must also call
 * `refuseClone(this, tag)`: that is how the serializer's fast path notices an instance.
 */
export function registerHandleReducer<T, D>(
  tag: string,
  cls: abstract new (...args: never[]) => T,
  reducer: HandleReducer<T, D>,
): void {
  add(cls, {
    tag: `own:${tag}`,
    className: cls.name,
    needsTransfer: true,
    reduce: (value: T, transfer: Transfer) => reducer.reduce(value, transfer),
    rebuild: (data: D, handles: readonly TransferHandle[]) => reducer.rebuild(data, handles),
  });
}

function add<T>(cls: Class<T>, reducer: Reducer): void {
  const prototype: unknown = cls.prototype;
  if (typeof prototype !== 'object' || prototype === null || prototype === Object.prototype) {
    throw wrongUse(`${cls.name || 'cls'} has no instances to recognize: pass a class of your own`);
  }
  const known = byTag.get(reducer.tag);
  const shownTag = reducer.tag.slice(reducer.tag.indexOf(':') + 1);
  if (known) {
    throw wrongUse(
      `the tag "${shownTag}" is taken by class ${known.className}: choose another for ${cls.name}`,
    );
  }
  if (byPrototype.has(prototype)) throw wrongUse(`class ${cls.name} already has a reducer`);
  byTag.set(reducer.tag, reducer);
  byPrototype.set(prototype, reducer);
  nearest = new WeakMap();
}

function wrongUse(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'ERR_MP_INVALID_ARGUMENT' });
}

/** For what the serializer itself replaces (errors, task references): rebuilt by tag, never found by class. */
export function registerPlaceholder(
  tag: string,
  name: string,
  rebuildData: (data: unknown) => unknown,
): void {
  byTag.set(tag, {
    tag,
    className: name,
    needsTransfer: false,
    reduce: (value) => value,
    rebuild: rebuildData,
  });
}

/** True once a user has registered a class: from then on every value is walked, since V8 would flatten instances silently. */
export function hasUserReducers(): boolean {
  return userReducers > 0;
}

/** The reducer of the nearest registered class, if any. Not for proxies: looking at one runs its owner's code. */
export function findReducer(value: object): Reducer | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) {
    return undefined;
  }
  const cached = nearest.get(prototype as object);
  if (cached !== undefined) return cached === false ? undefined : cached;
  let found: Reducer | undefined;
  for (let at: unknown = prototype; at !== null && !found; at = Object.getPrototypeOf(at)) {
    found = byPrototype.get(at as object);
  }
  nearest.set(prototype as object, found ?? false);
  return found;
}

let loadMore: (() => void) | undefined;

/** Called once, when a message names a class of the package that this process has not loaded yet. */
export function loadOnDemand(load: () => void): void {
  loadMore = load;
}

function find(tag: string): Reducer | undefined {
  const known = byTag.get(tag);
  if (known !== undefined || loadMore === undefined || !tag.startsWith('own:')) return known;
  const load = loadMore;
  loadMore = undefined;
  load();
  return byTag.get(tag);
}

/** The other side of `reduce`. @throws SerializationError when this process has not registered the tag, or rebuild fails. */
export function rebuild(tag: unknown, data: unknown, handles: readonly TransferHandle[]): unknown {
  const reducer = typeof tag === 'string' ? find(tag) : undefined;
  if (!reducer) throw unknownTag(tag);
  try {
    return reducer.rebuild(data as never, handles);
  } catch (error) {
    if (error instanceof SerializationError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SerializationError(`cannot rebuild a ${reducer.className}: ${reason}`, 'message', {
      cause: error,
    });
  }
}

function unknownTag(tag: unknown): SerializationError {
  const text = typeof tag === 'string' ? tag.slice(0, MAX_TAG_LENGTH + 10) : String(typeof tag);
  const shown = JSON.stringify(text.replace(/^(user|own):/, ''));
  const wayOut = text.startsWith('own:')
    ? 'both processes must run the same version of node-multiprocessing'
    : 'call registerReducer in the receiving process too, before the message arrives (in a module that both load)';
  return new SerializationError(
    `the message holds an instance tagged ${shown}, which this process does not know: ${wayOut}`,
    'message',
  );
}

/** The property that keeps plain structured clone away from our instances. Enumerable, or V8 would not see it. */
const CLONE_GUARD = '$handle';

/**
 * Makes V8's structured clone refuse this instance instead of flattening it into a useless plain object. The serializer
 * takes the refusal as the sign to look closer, which is what keeps values without handles on the fast path.
 */
export function refuseClone(instance: object, tag: string): void {
  Object.defineProperty(instance, CLONE_GUARD, {
    value: cloneGuard(tag),
    enumerable: true,
    // A subclass's constructor names its own tag over its parent's.
    configurable: true,
    writable: false,
  });
}

/** The same for a class of which there are many instances for a short time: a field `$handle` with this in it is cheaper. */
export function cloneGuard(tag: string): symbol {
  // What V8's refusal shows of it: of a symbol its description, of a function the source.
  return Symbol(
    `this ${tag} travels only through node-multiprocessing, to other processes, not to worker threads`,
  );
}
