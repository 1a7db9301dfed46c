/** Which of Node's handles are from before a fork. */
import { AsyncResource } from 'node:async_hooks';

export interface Numbered {
  getAsyncId?: () => number;
}

/** Handles are numbered in the order of their making: tells of one whether it is older than this call. */
export function olderThanNow(): (handle: Numbered | null | undefined) => boolean {
  const now = new AsyncResource('multiprocessing.fork').asyncId();
  return (handle) => (handle?.getAsyncId?.() ?? Infinity) < now;
}
