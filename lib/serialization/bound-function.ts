/**
 * Functions that `bind` has made: the one behind them is named like any other, and their `this` and first arguments travel with
 * it as values, encoded apart, because only the function's own module may teach the reducers that they need.
 */
import { types } from 'node:util';
import type { TransferHandle } from '../backend/contract.js';
import { checkFunction } from '../base/options.js';
import { findBuiltin } from './builtin-search.js';
import { unbind, type Unbound } from './function-location.js';
import { isNative, referTo, referToClass, referToExport } from './function-ref.js';
import {
  resolveReference,
  type Callable,
  type ExportReference,
  type FunctionReference,
} from './function-reference.js';
import { isClass } from './is-class.js';
import { deserialize, serialize } from './serializer.js';
import type { Transfer } from './transfer.js';

export interface BoundReference {
  readonly kind: 'bound';
  readonly target: FunctionReference;
  /** Serialized: `this` and the first arguments, without those that are classes. */
  readonly values: Uint8Array;
  /** By the place: 0 is `this`, 1 the first argument. */
  readonly classes: readonly (readonly [number, ExportReference])[];
}

/** How anything that can be called is named in another process. */
export type CallableReference = FunctionReference | BoundReference;

interface Values {
  readonly this: unknown;
  readonly args: readonly unknown[];
}

const isClassValue = (value: unknown): value is object =>
  typeof value === 'function' && !types.isProxy(value) && isClass(value);

/**
 * Like `referTo`, also for bound functions. Their values are encoded at once, before anything is waited for, and anew at each
 * call; handles in them go into `transfer`, and are refused without one.
 * @throws SerializationError (as a rejection) when the function only exists here, or its values do.
 */
export async function referToCallable(
  fn: unknown,
  role = 'target',
  transfer?: Transfer,
): Promise<CallableReference> {
  checkFunction(role, fn);
  const unbound = mayBeBound(fn) ? unbindIfPossible(fn) : undefined;
  if (unbound === undefined) return referTo(fn, role);
  const all = [unbound.self, ...unbound.args];
  const [self, ...args] = all.map((value) => (isClassValue(value) ? undefined : value));
  try {
    const values = serialize({ this: self, args } satisfies Values, transfer, role);
    const classes = await referToClasses(all, role);
    return { kind: 'bound', target: await referTo(unbound.target, role), values, classes };
  } catch (error) {
    const exported = await referToExport(fn, role);
    if (exported !== undefined) return exported;
    throw error;
  }
}

/** A static method is bound to its class: that is code, so it goes by its name, where everything else is data. */
async function referToClasses(
  all: readonly unknown[],
  role: string,
): Promise<[number, ExportReference][]> {
  const found: [number, ExportReference][] = [];
  for (const [place, value] of all.entries()) {
    if (!isClassValue(value)) continue;
    const where = place === 0 ? `${role}.this` : `${role}.args[${String(place - 1)}]`;
    found.push([place, await referToClass(value, where)]);
  }
  return found;
}

/** Some of Node's own are bound, console.log for one: those have names everywhere. */
function mayBeBound(fn: object): boolean {
  return isNative(fn) && !types.isProxy(fn) && findBuiltin(fn) === undefined;
}

/** Without an inspector in this Node there is no way to look into one. */
function unbindIfPossible(fn: object): Unbound | undefined {
  try {
    return unbind(fn);
  } catch {
    return undefined;
  }
}

/** The function that a reference names, with its own copy of the values. @throws as `resolveReference` and `deserialize`. */
export async function resolveCallable(
  reference: CallableReference,
  handles: readonly TransferHandle[] = [],
): Promise<Callable> {
  if (reference.kind !== 'bound') return resolveReference(reference);
  const target = await resolveReference(reference.target);
  const values = deserialize(reference.values, handles) as Values;
  const all = [values.this, ...values.args];
  for (const [place, cls] of reference.classes) all[place] = await resolveReference(cls);
  const [self, ...args] = all;
  return (target as (...given: unknown[]) => unknown).bind(self, ...args) as Callable;
}

/** Whether to resolve it is to load the program's main module. */
export function isInMainModule(reference: CallableReference): boolean {
  if (reference.kind !== 'bound') return reference.kind === 'export' && reference.isMain;
  const { target, classes } = reference;
  return isInMainModule(target) || classes.some(([, { isMain }]) => isMain);
}
