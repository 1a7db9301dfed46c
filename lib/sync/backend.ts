import { backend } from '../backend/index.js';
import type { SyncBackend } from '../backend/sync-contract.js';
import { NotSupportedError } from '../errors.js';

export function syncBackend(): SyncBackend {
  const { name, sync } = backend();
  if (sync !== undefined) return sync.call(backend());
  throw new NotSupportedError(`the ${name} backend has no locks yet: use the fallback backend`);
}
