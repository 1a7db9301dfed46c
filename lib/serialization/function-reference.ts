import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { SerializationError } from '../errors.js';
import { isOwnMainModule } from './main-module.js';
import { importOwnMain } from './own-main.js';
import { compileSource } from './source-compiler.js';

/** A function named by where it is exported. */
export interface ExportReference {
  readonly kind: 'export';
  /** URL of the module; `node:fs` for a built-in module; `global:` for what every realm has (`Math.max`). */
  readonly url: string;
  /**
   * `commonjs`: the path begins at module.exports. `module`: at the namespace. `auto` (taskRef): at the namespace or, where
   * that fails, at its default export.
   */
  readonly format: 'module' | 'commonjs' | 'builtin' | 'global' | 'auto';
  /** Property by property: `['default']`, `['api', 'work']`; empty for module.exports itself. */
  readonly path: readonly string[];
  /** The path in one word, for messages and logs. */
  readonly name: string;
  /** The module is the program's main one: loading it in a child runs the program's top level there. */
  readonly isMain: boolean;
}

/** A function that needs nothing of its surroundings, as text. */
export interface SourceReference {
  readonly kind: 'source';
  /** An expression whose value is the function. */
  readonly source: string;
  readonly name: string;
  /** The module it was written in, for relative imports, require and stack traces; undefined for evaluated text. */
  readonly url: string | undefined;
  /** Line of its first character, from 0, for stack traces. */
  readonly line: number;
  readonly strict: boolean;
  /** Under what names it calls its bundler's keeper of names. */
  readonly keeperNames: readonly string[];
}

/** How a function is named in another process: plain data that structured clone carries. */
export type FunctionReference = ExportReference | SourceReference;

/** What a reference names: called or, when it is a class, constructed. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the caller alone knows the parameters
export type Callable = ((...args: any[]) => unknown) & (new (...args: any[]) => object);

/** How many names an error lists before it stops. */
const MAX_NAMES = 20;

/**
 * The function a reference names, in the process that is to run it. What loading its module throws is thrown on, with the
 * module and the export added to its message.
 * @throws SerializationError when the module has no such export, or it is not a function.
 */
export async function resolveReference(reference: FunctionReference): Promise<Callable> {
  if (reference.kind === 'source') return compileSource(reference) as Callable;
  let exported: unknown;
  try {
    exported = await load(reference);
  } catch (error) {
    throw explain(error, `while loading ${describe(reference)}`);
  }
  return callable(exported, reference);
}

function callable(exported: unknown, reference: ExportReference): Callable {
  const found = follow(exported, reference);
  if (typeof found === 'function') return found as Callable;
  throw new SerializationError(
    found === undefined
      ? `${reference.url} has no export ${shownName(reference)}: it has ${namesOf(exported)}`
      : `${describe(reference)} is no function but ${found === null ? 'null' : `of type ${typeof found}`}`,
    reference.name,
  );
}

/**
 * The same without waiting, for a thread that is blocked. An ES module is required, which Node can from 20.19 and 22.12 on.
 */
export function resolveAtOnce(reference: ExportReference): Callable {
  const { url, format } = reference;
  let exported: unknown;
  try {
    if (format === 'global') exported = globalThis;
    else if (format === 'builtin' || url.startsWith('node:')) {
      exported = process.getBuiltinModule(url);
    } else exported = createRequire(fileURLToPath(url))(fileURLToPath(url));
  } catch (error) {
    throw explain(error, `while loading ${describe(reference)}`);
  }
  return callable(exported, reference);
}

async function load(reference: ExportReference): Promise<unknown> {
  const { url, format } = reference;
  if (format === 'global') return globalThis;
  if (format === 'builtin') return process.getBuiltinModule(url);
  if (format === 'commonjs') return requireFile(fileURLToPath(url));
  if (isOwnMainModule(url)) return importOwnMain(reference);
  try {
    return (await import(url)) as unknown;
  } catch (error) {
    if (format !== 'auto' || !isForRequireAlone(url, error)) throw error;
    const exported = requireFile(fileURLToPath(url));
    // As import() would show it: `module.exports = work` is the default export.
    return typeof exported === 'function' && !('default' in exported)
      ? { default: exported }
      : exported;
  }
}

function requireFile(filename: string): unknown {
  return createRequire(filename)(filename) as unknown;
}

/** `-r ts-node/register` and its like teach require() an extension that import() knows nothing of (Node 20: `.ts`). */
function isForRequireAlone(url: string, error: unknown): boolean {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== 'ERR_UNKNOWN_FILE_EXTENSION' || !url.startsWith('file:')) return false;
  const filename = fileURLToPath(url);
  const extension = extname(filename);
  // Not of a file that this one imports. Node names a file by its real path, unless it was told to keep links.
  const isThisFile = [filename, realpathSync(filename)].some((name) =>
    message.startsWith(`Unknown file extension "${extension}" for ${name}`),
  );
  return isThisFile && extension in createRequire(filename).extensions;
}

function follow(exported: unknown, reference: ExportReference): unknown {
  const found = at(exported, reference.path);
  if (found !== undefined || reference.format !== 'auto') return found;
  const [name = ''] = reference.path;
  // taskRef cannot know whether `a.b` is one name or two, and whether import() hides a CommonJS module behind `default`.
  const dotted = name.split('.');
  return (
    at(exported, dotted) ?? at(exported, ['default', name]) ?? at(exported, ['default', ...dotted])
  );
}

function at(from: unknown, path: readonly string[]): unknown {
  let value = from;
  for (const key of path) {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
      return undefined;
    if (!isOffered(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Its own, or of a class of the program: what every object and every function has is nobody's export. */
function isOffered(value: object, key: string): boolean {
  for (let owner: object | null = value; owner !== null;) {
    if (Object.hasOwn(owner, key)) {
      return owner === value || (key !== 'constructor' && !isOfEveryone(owner));
    }
    owner = Object.getPrototypeOf(owner) as object | null;
  }
  // A proxy may answer to names that it does not list.
  return types.isProxy(value);
}

/** Object.prototype or Function.prototype, of any realm. */
function isOfEveryone(owner: object): boolean {
  if (Object.getPrototypeOf(owner) === null) return Object.hasOwn(owner, 'hasOwnProperty');
  return (
    typeof owner === 'function' && Object.hasOwn(owner, 'bind') && Object.hasOwn(owner, 'apply')
  );
}

function namesOf(exported: unknown): string {
  if ((typeof exported !== 'object' && typeof exported !== 'function') || exported === null) {
    return 'none';
  }
  const names = Object.keys(exported);
  if (names.length === 0) return 'none';
  const more = names.length > MAX_NAMES ? ` and ${String(names.length - MAX_NAMES)} more` : '';
  return names.slice(0, MAX_NAMES).join(', ') + more;
}

/** `export "work" of file:///…`, for messages. */
export function describe(reference: FunctionReference): string {
  if (reference.kind === 'source') return `function ${JSON.stringify(reference.name)}`;
  return `export ${shownName(reference)} of ${reference.url}`;
}

function shownName(reference: ExportReference): string {
  return JSON.stringify(reference.name);
}

/** The same error with a better message; errors that cannot be changed stay as they are. */
function explain(error: unknown, addition: string): unknown {
  if (!(error instanceof Error) || error.message.includes(addition)) return error;
  const before = error.message;
  try {
    const { stack } = error;
    error.message = `${before} (${addition})`;
    if (stack) error.stack = stack.replace(before, () => error.message);
  } catch {
    // Frozen: its own message has to do.
  }
  return error;
}
