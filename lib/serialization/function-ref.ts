/**
 * Names a function so that another process can find it. In this order: made by taskRef; exported by a loaded module; built
 * into Node; or self-contained, so that its text travels. A closure has no name, and the error says what to do about it.
 */
import { types } from 'node:util';
import { checkFunction } from '../base/options.js';
import { SerializationError } from '../errors.js';
import { findBuiltin } from './builtin-search.js';
import { findInOwnCommonJs, findInOwnModule, findLoadedCommonJs } from './export-search.js';
import { type FunctionLocation, locate } from './function-location.js';
import { isMainModule } from './main-module.js';
import type { ExportReference, FunctionReference, SourceReference } from './function-reference.js';
import { isNameKeeper } from './name-keeper.js';
import { checkSource } from './source-check.js';
import { taskReferenceOf } from './task-ref.js';

export type { ExportReference, FunctionReference };

const known = new WeakMap<object, FunctionReference>();

/** Ends every refusal: what the owner of the function can do. */
const WAYS_OUT =
  'name it with taskRef if a module exports it, or export it from the module it is written in, pass the values as arguments, or use the fork start method';

/**
 * The function's name in other processes; remembered, so only the first call per function takes time. `role` begins the
 * error message, as in `target "work" …`.
 * @throws SerializationError (as a rejection) when the function only exists here.
 */
export async function referTo(fn: unknown, role = 'target'): Promise<FunctionReference> {
  checkFunction(role, fn);
  return (await referToExport(fn, role)) ?? referToSource(fn, role);
}

/** The export's name, as far as it is found without waiting: made by taskRef, of a CommonJS module, or asked for before. */
export function referToAtOnce(fn: () => unknown): ExportReference | undefined {
  const remembered = taskReferenceOf(fn) ?? known.get(fn);
  if (remembered !== undefined) return remembered.kind === 'export' ? remembered : undefined;
  if (types.isProxy(fn)) return undefined;
  const cheap = findLoadedCommonJs(fn, nameOf(fn));
  if (cheap) return remember(fn, cheap);
  const location = locateIfPossible(fn);
  if (location === undefined || location.isModule) return undefined;
  const found = findInOwnCommonJs(fn, location);
  return found && remember(fn, found);
}

/** The same for a class, which must be exported: its text would not bring its parent class along. */
export async function referToClass(cls: unknown, role = 'class'): Promise<ExportReference> {
  checkFunction(role, cls);
  const reference = await referToExport(cls, role);
  if (reference) return reference;
  const url = locateIfPossible(cls)?.url;
  if (url !== undefined && isNowhere(url)) {
    throw refusal(
      role,
      cls,
      'is in no file that another process could load: put it into one, or use the fork start method',
    );
  }
  throw refusal(
    role,
    cls,
    'is not exported by the module it is written in, so another process cannot find it: export the class, or use the fork start method',
  );
}

/** Its name as an export, if it is one. @throws SerializationError for a Proxy. */
export async function referToExport(
  fn: object,
  role: string,
): Promise<ExportReference | undefined> {
  const remembered = taskReferenceOf(fn) ?? known.get(fn);
  if (remembered?.kind === 'export') return remembered;
  if (remembered) return undefined;
  if (types.isProxy(fn)) throw refusal(role, fn, `is a Proxy, which only exists here: ${WAYS_OUT}`);
  // A main module in CommonJS fills its exports after the call: let it finish first.
  await Promise.resolve();
  const cheap = findLoadedCommonJs(fn, nameOf(fn));
  if (cheap) return remember(fn, cheap);
  const location = locateIfPossible(fn);
  const isOurs = location !== undefined && !isNowhere(location.url);
  const found = (isOurs && findInOwnModule(fn, location)) || findBuiltin(fn);
  return found ? remember(fn, found) : undefined;
}

/** Built in, or text that Node evaluates: an ES module given by `--eval` has a URL, of a file that is not there. */
function isNowhere(url: string): boolean {
  return url.startsWith('node:') || /\/\[eval\d*\]$/.test(url);
}

const locations = new WeakMap<object, { found: FunctionLocation | undefined }>();

function locateIfPossible(fn: object): FunctionLocation | undefined {
  let entry = locations.get(fn);
  if (!entry) {
    entry = { found: undefined };
    try {
      entry.found = locate(fn);
    } catch {
      // No inspector in this Node: exports of CommonJS modules, taskRef and self-contained functions still work.
    }
    locations.set(fn, entry);
  }
  return entry.found;
}

function remember(
  fn: object,
  found: { url: string; format: ExportReference['format']; path: readonly string[] },
): ExportReference {
  const name = found.path.length === 0 ? 'module.exports' : found.path.join('.');
  const reference: ExportReference = {
    kind: 'export',
    ...found,
    name,
    isMain: isMainModule(found.url),
  };
  known.set(fn, reference);
  return reference;
}

function referToSource(fn: (...args: never[]) => unknown, role: string): SourceReference {
  const remembered = known.get(fn);
  if (remembered?.kind === 'source') return remembered;
  const text = Function.prototype.toString.call(fn);
  if (isNative(fn)) {
    const kind = nameOf(fn).startsWith('bound ') ? 'is a bound function' : 'is native code';
    throw refusal(role, fn, `${kind}, which only exists here: ${WAYS_OUT}`);
  }
  const location = locateIfPossible(fn);
  const isModule = location?.isModule === true;
  const checked = checkSource(text, !isModule);
  if ('problem' in checked) {
    throw refusal(role, fn, `cannot travel as text (${checked.problem}): ${WAYS_OUT}`);
  }
  const keeperNames = checked.keeperNames.filter((name) => isNameKeeper(fn, name));
  const freeNames = checked.freeNames.filter((name) => !keeperNames.includes(name));
  refuseSurroundings(fn, role, freeNames, checked.boundWords);
  const reference: SourceReference = {
    kind: 'source',
    source: checked.expression,
    name: nameOf(fn),
    url: location?.url || undefined,
    line: location?.line ?? 0,
    strict: isModule || isStrict(fn, text),
    keeperNames,
  };
  known.set(fn, reference);
  return reference;
}

/** Made by V8 or Node or by `bind`: it has no text. */
export function isNative(fn: object): boolean {
  return /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(fn));
}

function refuseSurroundings(
  fn: object,
  role: string,
  freeNames: readonly string[],
  boundWords: readonly string[],
): void {
  if (freeNames.length > 0) {
    const plural = freeNames.length > 1 ? 's' : '';
    const those = freeNames.join(', ');
    throw refusal(
      role,
      fn,
      `uses the variable${plural} ${those} of its enclosing scope, which a spawned process does not have: ${WAYS_OUT}`,
    );
  }
  if (boundWords.length > 0) {
    const words = boundWords.join(' and ');
    throw refusal(
      role,
      fn,
      `uses ${words}, which would mean something else in another process: ${WAYS_OUT}`,
    );
  }
}

/**
 * Strict functions refuse to name their caller. Arrow functions, methods and generators all do: those count as sloppy. A method may be
 * called `function` too; like an arrow function it has no prototype.
 */
function isStrict(fn: object, text: string): boolean {
  const isPlain = /^function\b/.test(text) && Object.hasOwn(fn, 'prototype');
  if (!isPlain || types.isGeneratorFunction(fn)) return false;
  try {
    void (fn as { caller?: unknown }).caller;
    return false;
  } catch {
    return true;
  }
}

function nameOf(fn: object): string {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, 'name')?.value;
  return typeof name === 'string' ? name : '';
}

function refusal(role: string, fn: object, reason: string): SerializationError {
  const name = types.isProxy(fn) ? '' : nameOf(fn);
  const subject = name === '' ? `${role} (a function without a name)` : `${role} "${name}"`;
  return new SerializationError(`${subject} ${reason}`, role);
}
