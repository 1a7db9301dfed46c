/** Chooses the backend of this process, once. The only place that knows both; the other one is not even loaded. */
import { NotSupportedError } from '../errors.js';
import { loadAddon, type Addon } from './addon.js';
import { backendOfParent } from './child-mark.js';
import type { Backend, BackendName } from './contract.js';
import type * as Fallback from './fallback/index.js';
import type * as Native from './native/index.js';

/** Forces a backend; so is the fallback tested where the addon works. */
const VARIABLE = 'MULTIPROCESSING_BACKEND';

let chosen: Backend | undefined;

export function backend(): Backend {
  chosen ??= choose();
  return chosen;
}

function choose(): Backend {
  const required = requiredName();
  if (required === 'fallback') return fallback();
  const loaded = loadAddon();
  if ('addon' in loaded && (required === 'native' || process.platform === 'linux')) {
    return native(loaded.addon);
  }
  const cause = 'error' in loaded ? loaded.error : undefined;
  if (required === undefined) return fallback(cause);
  throw new NotSupportedError(
    `the native backend was asked for, but its addon cannot be loaded: ${cause?.message ?? 'unknown reason'}`,
    { cause },
  );
}

// Loading both would be a good part of a spawned child's start.

function native(addon: Addon): Backend {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is chosen, and at once
  const { createNativeBackend } = require('./native/index.js') as typeof Native;
  return createNativeBackend(addon);
}

/** `cause`: why there is no addon. */
function fallback(cause?: Error): Backend {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is chosen, and at once
  const { createFallbackBackend } = require('./fallback/index.js') as typeof Fallback;
  return createFallbackBackend(cause);
}

/** A child's is its parent's; it is told by the parent, not by the variable, which the program may have changed meanwhile. */
function requiredName(): BackendName | undefined {
  const inherited = backendOfParent();
  if (inherited !== undefined) return inherited;
  const value = process.env[VARIABLE];
  if (value === undefined || value === '') return undefined;
  if (value === 'native' || value === 'fallback') return value;
  throw new NotSupportedError(
    `the environment variable ${VARIABLE} must be native or fallback, got ${JSON.stringify(value)}`,
  );
}
