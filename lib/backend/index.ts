/** Chooses the backend of this process, once. The only place that knows both. */
import { NotSupportedError } from '../errors.js';
import { loadAddon } from './addon.js';
import type { Backend, BackendName } from './contract.js';
import { createFallbackBackend, startedByFallback } from './fallback/index.js';
import { createNativeBackend, startedByNative } from './native/index.js';

/** Forces a backend; so is the fallback tested where the addon works. */
const VARIABLE = 'MULTIPROCESSING_BACKEND';

let chosen: Backend | undefined;

export function backend(): Backend {
  chosen ??= choose();
  return chosen;
}

function choose(): Backend {
  const required = requiredName();
  if (required === 'fallback') return createFallbackBackend();
  const loaded = loadAddon();
  if ('addon' in loaded && (required === 'native' || process.platform === 'linux')) {
    return createNativeBackend(loaded.addon);
  }
  if (required === undefined) return createFallbackBackend();
  const cause = 'error' in loaded ? loaded.error : undefined;
  throw new NotSupportedError(
    `the native backend was asked for, but its addon cannot be loaded: ${cause?.message ?? 'unknown reason'}`,
    { cause },
  );
}

/** A child's is its parent's; it is told by the parent, not by the variable, which the program may have changed meanwhile. */
function requiredName(): BackendName | undefined {
  if (startedByFallback()) return 'fallback';
  if (startedByNative()) return 'native';
  const value = process.env[VARIABLE];
  if (value === undefined || value === '') return undefined;
  if (value === 'native' || value === 'fallback') return value;
  throw new NotSupportedError(
    `the environment variable ${VARIABLE} must be native or fallback, got ${JSON.stringify(value)}`,
  );
}
