import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

let mainUrl: string | undefined | null = null;
let isOwnProgram = true;

/**
 * URL of the program's main module; undefined in a REPL or with `--eval`. A child's own main module is our entry program, so
 * there it is what `setMainModuleUrl` was told.
 */
export function mainModuleUrl(): string | undefined {
  if (mainUrl === null) mainUrl = findMain();
  return mainUrl;
}

/** For a child process, told by its parent before user code runs. */
export function setMainModuleUrl(url: string | undefined): void {
  mainUrl = url;
  isOwnProgram = false;
}

/**
 * Whether this is the ES module with which this process, or the one that it was forked from, began: so it has at least begun to run. A
 * main module in CommonJS is `require.main`, and over before anything can wait for it.
 */
export function isOwnMainModule(url: string): boolean {
  if (!isMainThread || !isOwnProgram || url !== mainModuleUrl()) return false;
  return createRequire(url).main === undefined;
}

/** Whether this is the main module's URL, queries aside. */
export function isMainModule(url: string): boolean {
  const main = mainModuleUrl();
  return main !== undefined && url.replace(/[?#].*$/, '') === main;
}

/** With these there is no main module, and argv[1] is an argument. */
const evaluates = new Set(['-e', '--eval', '-p', '--print', '-pe']);

function findMain(): string | undefined {
  // argv[1] may lack its extension or name a directory: resolved as Node itself resolved it.
  const given = process.argv[1];
  if (given === undefined || process.execArgv.some((arg) => evaluates.has(arg))) return undefined;
  try {
    const filename = createRequire(join(process.cwd(), 'noop.js')).resolve(given);
    return pathToFileURL(realpathSync(filename)).href;
  } catch {
    return undefined;
  }
}
