/**
 * Functions that `bind` has made: the one behind them is named like any other, and their `this` and first arguments travel with
 * it as values, encoded apart, because only the function's own module may teach the reducers that they need.
 */
import { types } from 'node:util';
import type { TransferHandle } from '../backend/contract.js';
import { checkFunction } from '../base/options.js';
import { findBuiltin } from './builtin-search.js';
import { unbind, type Unbound } from './function-location.js';
import { isNative, referTo, referToExport } from './function-ref.js';
import { resolveReference, type Callable, type FunctionReference } from './function-reference.js';
import { deserialize, serialize } from './serializer.js';
import type { Transfer } from './transfer.js';

export interface BoundReference {
  readonly kind: 'bound';
  readonly target: FunctionReference;
  /** Serialized: `this` and the first arguments. */
  readonly values: Uint8Array;
}

/** How anything that can be called is named in another process. */
export type CallableReference = FunctionReference | BoundReference;

interface Values {
  readonly this: unknown;
  readonly args: readonly unknown[];
}

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
  const given: Values = { this: unbound.self, args: unbound.args };
  let values: Uint8Array;
  try {
    values = serialize(given, transfer, role);
  } catch (error) {
    const exported = await referToExport(fn, role);
    if (exported !== undefined) return exported;
    throw error;
  }
  return { kind: 'bound', target: await referTo(unbound.target, role), values };
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
  const { this: self, args } = deserialize(reference.values, handles) as Values;
  return (target as (...given: unknown[]) => unknown).bind(self, ...args) as Callable;
}

/** Whether to resolve it is to load the program's main module. */
export function isInMainModule(reference: CallableReference): boolean {
  const named = reference.kind === 'bound' ? reference.target : reference;
  return named.kind === 'export' && named.isMain;
}
