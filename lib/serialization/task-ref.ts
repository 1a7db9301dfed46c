import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkString, invalidType } from '../base/options.js';
import { SerializationError } from '../errors.js';
import { isMainModule } from './main-module.js';
import { type ExportReference, resolveReference } from './function-reference.js';

const references = new WeakMap<object, ExportReference>();

/**
 * Names an exported function explicitly, where automatic lookup cannot find it (a bundler, a generated module) or where it
 * is not loaded here at all. The result may be used as a target or task, sent inside any value, and called: then it imports
 * the module in this process and calls the export. An export of the main module is there when that module's top level is over, also
 * here, so do not await the call there: call the function itself.
 *
 * `module` is a URL (`new URL('./work.mjs', import.meta.url)`), an absolute path, a `node:` module or a package's name.
 * `exportName` may lead through objects (`api.work`).
 */
export function taskRef<F extends (...args: never[]) => unknown>(
  module: string | URL,
  exportName: string,
): F {
  const url = moduleUrl(module);
  checkString('exportName', exportName);
  return taskFunction({
    kind: 'export',
    url,
    format: 'auto',
    path: [exportName],
    name: exportName,
    isMain: isMainModule(url),
  }) as F;
}

/** The reference behind a function that taskRef made, here or in the process it came from. */
export function taskReferenceOf(fn: object): ExportReference | undefined {
  return references.get(fn);
}

/** The callable for a reference; also the rebuild of one that arrived inside a value. */
export function taskFunction(reference: unknown): (...args: never[]) => unknown {
  if (!isTaskReference(reference)) {
    throw new SerializationError(
      'the message holds a task reference in an unknown form',
      'message',
    );
  }
  const fn = async (...args: never[]): Promise<unknown> =>
    (await resolveReference(reference))(...args);
  Object.defineProperty(fn, 'name', { value: reference.name, configurable: true });
  references.set(fn, reference);
  return fn;
}

/** Those of modules; a function of the language itself needs no reference. */
const FORMATS: readonly unknown[] = ['auto', 'module', 'commonjs'];

export function isTaskReference(value: unknown): value is ExportReference {
  if (typeof value !== 'object' || value === null) return false;
  const given = value as Partial<ExportReference>;
  return (
    given.kind === 'export' &&
    FORMATS.includes(given.format) &&
    typeof given.url === 'string' &&
    typeof given.name === 'string' &&
    Array.isArray(given.path)
  );
}

function moduleUrl(module: unknown): string {
  if (module instanceof URL) return module.href;
  checkString('module', module);
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (/^\.\.?(\/|\\|$)/.test(module)) {
    throw invalidType('module', RELATIVE, module);
  }
  if (/^[a-z][a-z\d+.-]+:/i.test(module)) return module;
  return packageUrl(module);
}

const RELATIVE =
  "absolute (a relative path has no place to start from here): use new URL('./file.mjs', import.meta.url), or require.resolve('./file.cjs')";

function packageUrl(name: string): string {
  try {
    const found = createRequire(join(process.cwd(), 'noop.js')).resolve(name);
    return isAbsolute(found) ? pathToFileURL(found).href : `node:${found.replace(/^node:/, '')}`;
  } catch (cause) {
    throw new SerializationError(
      `no package ${JSON.stringify(name)} is found from the working directory: pass import.meta.resolve(name)`,
      name,
      { cause },
    );
  }
}
