/** Functions that every process has: globals and the exports of Node's own modules. */
import { builtinModules } from 'node:module';
import { runInNewContext } from 'node:vm';
import { searchExports, searchProperties } from './export-search.js';

/** What Node adds to the language's globals, up to the newest version; absent ones do no harm. */
const nodeGlobals =
  'AbortController AbortSignal Blob BroadcastChannel Buffer ByteLengthQueuingStrategy ' +
  'CloseEvent CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent DOMException ' +
  'DecompressionStream ErrorEvent Event EventSource EventTarget File FormData Headers MessageChannel ' +
  'MessageEvent MessagePort Navigator Performance PerformanceEntry PerformanceMark ' +
  'PerformanceMeasure PerformanceObserver PerformanceObserverEntryList PerformanceResourceTiming ' +
  'QuotaExceededError ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ' +
  'ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader Request ' +
  'Response Storage SubtleCrypto TextDecoder TextDecoderStream TextEncoder TextEncoderStream ' +
  'TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams WebAssembly ' +
  'WebSocket WritableStream WritableStreamDefaultController WritableStreamDefaultWriter atob btoa ' +
  'clearImmediate clearInterval clearTimeout console crypto fetch gc global localStorage navigator ' +
  'performance process queueMicrotask sessionStorage setImmediate setInterval setTimeout structuredClone';

let names: ReadonlySet<string> | undefined;

/** Names that a fresh process has as globals: the language's, asked of a fresh realm, and Node's. Never what users added. */
export function globalNames(): ReadonlySet<string> {
  if (!names) {
    const fresh = runInNewContext('Object.getOwnPropertyNames(globalThis)') as string[];
    const all = [...fresh, ...nodeGlobals.split(' ')];
    names = new Set(all.filter((name) => name in globalThis));
  }
  return names;
}

type Globals = Record<string, unknown>;
/** The first two hold all globals again; reading the storages makes Node warn. */
const asideGlobals = new Set(['globalThis', 'global', 'localStorage', 'sessionStorage']);

/** Where every process finds this function: `global:` or a `node:` module, and the path in it. */
export function findBuiltin(
  fn: object,
): { url: string; format: 'global' | 'builtin'; path: string[] } | undefined {
  const globals = [...globalNames()].filter((name) => !asideGlobals.has(name));
  const owners = new Map(globals.map((name) => [name, (globalThis as Globals)[name]]));
  const direct = globals.find((name) => owners.get(name) === fn);
  if (direct !== undefined) return { url: 'global:', format: 'global', path: [direct] };
  for (const [name, owner] of owners) {
    const path = searchProperties(owner, fn);
    if (path) return { url: 'global:', format: 'global', path: [name, ...path] };
  }
  for (const name of loadedBuiltins()) {
    const url = name.startsWith('node:') ? name : `node:${name}`;
    const path = searchExports(process.getBuiltinModule(url), fn);
    if (path) return { url, format: 'builtin', path };
  }
  return undefined;
}

/** Only those that are loaded: whoever holds the function has loaded its module, and loading others may warn. */
function loadedBuiltins(): string[] {
  const { moduleLoadList } = process as unknown as { moduleLoadList?: string[] };
  const loaded = new Set(moduleLoadList?.map((entry) => entry.replace(/^NativeModule /, '')));
  // Reached through the getter fs.promises too, which does not load it under this name.
  loaded.add('fs/promises');
  const known = builtinModules.filter((name) => !name.startsWith('_') && name !== 'sys');
  return known.filter((name) => loaded.has(name.replace(/^node:/, '')) || loaded.has(name));
}
