/** What goes wrong in this room, in words. */
import type { QueueShape } from '../backend/queue-contract.js';
import { QueueClosedError, QueueEmptyError, QueueFullError } from '../errors.js';

/** Python's queue.Full. */
export function queueFull(
  { maxSize, maxBytes }: QueueShape,
  timeoutMs: number,
  put?: number,
): QueueFullError {
  const bounds = [
    ...(maxSize > 0 ? [`${String(maxSize)} items`] : []),
    ...(maxBytes > 0 ? [`${String(maxBytes)} bytes`] : []),
  ].join(' or ');
  const holds = bounds === '' ? 'it has no bound' : `it holds ${bounds}`;
  const rest = put === undefined ? '' : ` after ${String(put)} items went in`;
  return new QueueFullError(
    `there was no room in the queue within ${String(timeoutMs)} ms${rest}: ${holds}`,
    put === undefined ? {} : { put },
  );
}

/** Python's queue.Empty. */
export function queueEmpty(timeoutMs: number): QueueEmptyError {
  return new QueueEmptyError(`nothing was in the queue within ${String(timeoutMs)} ms`);
}

export function closedHere(): QueueClosedError {
  return new QueueClosedError('this process has closed its side of the queue: it cannot put');
}

/** The end, for who gets. */
export function queueEnded(): QueueClosedError {
  return new QueueClosedError(
    'every process has closed its side of the queue, and everything in it has been got',
  );
}

/** Of a SimpleQueue, which closes both ways. */
export function closedBothWays(): QueueClosedError {
  return new QueueClosedError('this process has closed the queue');
}
