/**
 * A module that is being read at a fork would be read for ever in the child: nobody there tells that its file is read, and the loader has
 * one promise for everybody who imports it. So a fork waits until what was begun is loaded, as for lookups. It does not wait until it has
 * run: a module may await the very start of this child.
 */
import { types } from 'node:util';
import { nodeInternals } from './internals.js';

interface ModuleJob {
  readonly modulePromise?: unknown;
}

/** By URL, then by type. One that was never asked for may still be a function. */
type LoadCache = ReadonlyMap<string, Readonly<Record<string, ModuleJob | undefined>>>;

const loaded = new WeakSet<Promise<unknown>>();

/** What was loaded when it was asked last, or before microtasks have run since, counts as under way. */
export function importsInFlight(): boolean {
  let inFlight = false;
  for (const promise of loading()) {
    inFlight = true;
    const note = (): void => void loaded.add(promise);
    promise.then(note, note);
  }
  return inFlight;
}

function* loading(): Iterable<Promise<unknown>> {
  const cache = nodeInternals().moduleLoader?.().loadCache;
  // Where a version of Node keeps them elsewhere nothing is waited for.
  if (!types.isMap(cache)) return;
  for (const byType of (cache as LoadCache).values()) {
    for (const job of Object.values(byType)) {
      const promise = job?.modulePromise;
      if (types.isPromise(promise) && !loaded.has(promise)) yield promise;
    }
  }
}
