import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import type { SourceReference } from './function-reference.js';

/** What a source may use besides globals; source-check.ts allows no other free names. */
export const moduleNames = ['require', '__filename', '__dirname'] as const;

/** What esbuild calls to keep a function's name, when it was told to (`keepNames`) and does not minify (name-keeper.ts). */
export const NAME_KEEPER = '__name';

function keepName(target: object, value: string): object {
  return Object.defineProperty(target, 'name', { value, configurable: true });
}

let importsAreQuiet = false;

/**
 * The function whose text another process sent. Stack traces show the place it was written at, and its `require` and
 * `import()` start from there.
 */
export function compileSource(reference: SourceReference): (...args: never[]) => unknown {
  const filename = fileOf(reference.url);
  const imports = /\bimport\b/.test(reference.source);
  if (imports) quietImports();
  const prologue = `${reference.strict ? '"use strict"; ' : ''}return `;
  const keepers = [NAME_KEEPER, ...reference.keeperNames];
  const evaluate = compileFunction(prologue + reference.source, [...moduleNames, ...keepers], {
    filename: reference.url ?? filename,
    lineOffset: reference.line,
    ...(imports ? { importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER } : {}),
  }) as (...names: unknown[]) => (...args: never[]) => unknown;
  const module = [createRequire(filename), filename, dirname(filename)];
  const fn = evaluate(...module, ...keepers.map(() => keepName));
  if (fn.name !== reference.name) {
    Object.defineProperty(fn, 'name', { value: reference.name, configurable: true });
  }
  return fn;
}

/** Evaluated text has no place of its own: its imports start from the working directory. */
function fileOf(url: string | undefined): string {
  return url?.startsWith('file:') ? fileURLToPath(url) : join(process.cwd(), '[evaluated]');
}

/**
 * Node warns once, on stderr, that compiled text with import() is experimental, though it has worked the same since 20.12.
 * A warning about our inside would puzzle users, so it is spent here, with nobody listening.
 */
function quietImports(): void {
  if (importsAreQuiet) return;
  importsAreQuiet = true;
  const usual = Object.getOwnPropertyDescriptor(process, 'emitWarning') ?? {};
  process.emitWarning = () => undefined;
  try {
    const spend = compileFunction('return import("node:process")', [], {
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }) as () => Promise<unknown>;
    spend().catch(() => undefined);
  } finally {
    Object.defineProperty(process, 'emitWarning', usual);
  }
}
