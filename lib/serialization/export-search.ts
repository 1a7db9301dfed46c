/** Under which name a module exports a function: by identity, never by name alone. */
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { types } from 'node:util';
import { parseModule, type ModuleExports } from './module-exports.js';
import type { FunctionLocation } from './function-location.js';

type Found = { url: string; format: 'commonjs' | 'module'; path: string[] };

/** The cache behind every `require` of this process. */
function loadedCommonJs(): NodeJS.Dict<NodeModule> {
  return createRequire(join(process.cwd(), 'noop.js')).cache;
}

/**
 * The cheap look, before V8 is asked: a CommonJS module that exports the function as itself or under the function's own
 * name. Getters are not run here: they may belong to any package.
 */
export function findLoadedCommonJs(fn: object, name: string): Found | undefined {
  for (const [filename, module] of Object.entries(loadedCommonJs())) {
    if (!isAbsolute(filename) || filename.endsWith('.node')) continue;
    const exported: unknown = module?.exports;
    if (exported === fn) return commonJs(filename, []);
    if (mayHaveProperties(exported) && dataProperty(exported, name) === fn) {
      return commonJs(filename, [name]);
    }
  }
  return undefined;
}

function commonJs(filename: string, path: string[]): Found {
  return { url: pathToFileURL(filename).href, format: 'commonjs', path };
}

/** The export of the module that the function was written in. */
export function findInOwnModule(fn: object, location: FunctionLocation): Found | undefined {
  return location.isModule ? findInModule(fn, location) : findInOwnCommonJs(fn, location);
}

/** The same, where the module is CommonJS and answers at once. */
export function findInOwnCommonJs(fn: object, location: FunctionLocation): Found | undefined {
  const filename = fileNameOf(location.url);
  const module = filename === undefined ? undefined : loadedCommonJs()[filename];
  const path = module && searchExports(module.exports, fn, property);
  return filename !== undefined && path ? commonJs(filename, path) : undefined;
}

function fileNameOf(url: string): string | undefined {
  if (url.startsWith('file:')) return fileURLToPath(url);
  return isAbsolute(url) ? url : undefined;
}

/**
 * Not through import(): of a module that is still running (a main module that awaits `start()` at its top level) it would
 * wait for ever. V8 tells the variables, the text tells under which names they are exported.
 */
function findInModule(fn: object, location: FunctionLocation): Found | undefined {
  const { url, source, variables } = location;
  if (source === undefined) return undefined;
  const exported = parseModule(url, source);
  const path = searchVariables(exported, variables, fn) ?? searchDefault(exported, location);
  return path && { url, format: 'module', path };
}

function searchVariables(
  exported: ModuleExports,
  variables: ReadonlyMap<string, unknown>,
  fn: object,
): string[] | undefined {
  const names = [...exported.names];
  const direct = names.find(([, local]) => variables.get(local) === fn);
  if (direct) return [direct[0]];
  for (const [name, local] of names) {
    const inner = searchProperties(variables.get(local), fn);
    if (inner) return [name, ...inner];
  }
  return undefined;
}

/** `export default` of an expression has no variable, but its place tells. */
function searchDefault(exported: ModuleExports, location: FunctionLocation): string[] | undefined {
  const at = exported.defaultPlace;
  return at?.line === location.line && at.column === location.column ? ['default'] : undefined;
}

/**
 * The path to a function in what a module exports: itself, an export, or a property of an export. Getters are run only for
 * the exports of a module that is known to be the function's (bundlers make every export one), and never further in.
 */
export function searchExports(
  exported: unknown,
  fn: object,
  read = dataProperty,
): string[] | undefined {
  if (exported === fn) return [];
  const direct = searchProperties(exported, fn, read);
  if (direct || !mayHaveProperties(exported)) return direct;
  for (const key of namesIn(exported)) {
    const inner = searchProperties(read(exported, key), fn);
    if (inner) return [key, ...inner];
  }
  return undefined;
}

/** The name of the property that is the function. */
export function searchProperties(
  owner: unknown,
  fn: object,
  read = dataProperty,
): string[] | undefined {
  if (!mayHaveProperties(owner)) return undefined;
  const key = namesIn(owner).find((name) => read(owner, name) === fn);
  return key === undefined ? undefined : [key];
}

function mayHaveProperties(value: unknown): value is object {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    !types.isProxy(value)
  );
}

/** Without those that lead back: a prototype's constructor, what a function knows of its callers. */
function namesIn(owner: object): string[] {
  const aside = typeof owner === 'function' ? asideOfFunctions : asideOfObjects;
  return Object.getOwnPropertyNames(owner).filter((name) => !aside.has(name));
}

const asideOfObjects = new Set(['constructor']);
const asideOfFunctions = new Set(['prototype', 'caller', 'arguments', 'length', 'name']);

/** Without running a getter. Asking a namespace about an export that is not initialized yet throws all the same. */
function dataProperty(owner: object, key: string): unknown {
  try {
    return Object.getOwnPropertyDescriptor(owner, key)?.value;
  } catch {
    return undefined;
  }
}

function property(owner: object, key: string): unknown {
  try {
    return (owner as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}
