import { backend } from '../backend/index.js';
import type { QueueBackend } from '../backend/queue-contract.js';
import { NotSupportedError } from '../errors.js';

export function queueBackend(): QueueBackend {
  const { name, queues } = backend();
  if (queues !== undefined) return queues.call(backend());
  throw new NotSupportedError(
    `the ${name} backend has no queues on this platform yet: use the fallback backend`,
  );
}
