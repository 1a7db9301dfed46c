import type { BrokerEnd, Port } from '../broker-end.js';
import type { Request } from '../frames.js';
import { BrokerQueue, type QueueSurroundings } from '../queues/broker-queue.js';
import { BrokerBarrier } from './broker-barrier.js';
import { BrokerLock } from './broker-lock.js';
import type { BrokerObject } from './broker-object.js';
import { BrokerSemaphore } from './broker-semaphore.js';
import { BrokerCondition, BrokerEvent } from './broker-signals.js';
import type { SyncRequest } from './words.js';

type OnObject = Exclude<SyncRequest, { op: 'leaving' | 'make' }>;

const WORDS: ReadonlySet<string> = new Set<SyncRequest['op']>([
  'make',
  'act',
  'ask',
  'drop',
  'got',
  'seen',
  'leaving',
]);

export function isAboutObjects(request: Request): request is SyncRequest {
  return WORDS.has(request.op);
}

export function makeObject(
  at: BrokerEnd,
  { made }: Extract<SyncRequest, { op: 'make' }>,
  surroundings: QueueSurroundings,
): BrokerObject {
  const end = at.id;
  switch (made.kind) {
    case 'lock':
    case 'rlock':
      return widen(new BrokerLock(end, made));
    case 'semaphore':
    case 'boundedSemaphore':
      return widen(new BrokerSemaphore(end, made));
    case 'condition':
      return widen(new BrokerCondition(end, made));
    case 'event':
      return widen(new BrokerEvent(end, made));
    case 'barrier':
      return widen(new BrokerBarrier(end, made));
    case 'queue':
      return widen(new BrokerQueue(at, made, surroundings));
  }
}

/** An object makes its own first state, and only itself changes it. */
function widen(object: object): BrokerObject {
  return object as BrokerObject;
}

export function handleSync(object: BrokerObject | undefined, port: Port, request: OnObject): void {
  if (object === undefined) {
    // A message from elsewhere named it so, or it went with its broker.
    if (request.op === 'ask') port.send({ op: 'lost', end: request.end, token: request.token });
  } else if (request.op === 'act') object.act(port, request.n, request.act);
  else if (request.op === 'ask') {
    const { token, once, want } = request;
    object.ask({ port, token, once, want });
  } else if (request.op === 'drop') object.drop(port, request.token);
  else if (request.op === 'got') object.got(port, request.token, request.kept);
  else object.seen(port);
}
