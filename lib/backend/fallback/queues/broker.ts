import type { BrokerEnd, Port } from '../broker-end.js';
import type { Request } from '../frames.js';
import type { BrokerObject } from '../sync/broker-object.js';
import { BrokerQueue } from './broker-queue.js';
import type { QueueRequest } from './words.js';

const WORDS: ReadonlySet<string> = new Set<QueueRequest['op']>(['put', 'take', 'await']);

export function isAboutQueues(request: Request): request is QueueRequest {
  return WORDS.has(request.op);
}

/** A request of a process; `handles` are those of the message that it puts. */
export interface Asking {
  readonly port: Port;
  readonly request: QueueRequest;
  readonly handles: readonly BrokerEnd[];
}

export function handleQueue(object: BrokerObject | undefined, asking: Asking): void {
  const { port, request, handles } = asking;
  const queue: unknown = object;
  if (!(queue instanceof BrokerQueue)) {
    // A message from elsewhere named it so, or it went with its broker.
    port.send({ op: 'lost', end: request.end, token: request.token });
    return;
  }
  const { token, once } = request;
  if (request.op === 'put') queue.put({ port, token, once, bytes: request.bytes, handles });
  else if (request.op === 'take') queue.take({ port, token, once, max: request.max });
  else queue.await({ port, token, once, until: request.until });
}
