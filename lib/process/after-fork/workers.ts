/** The parent's worker_threads, which do not exist in a forked child. */
import type { Worker } from 'node:worker_threads';
import { StateError } from '../../errors.js';
import { olderThanNow, type Numbered } from './handle-age.js';

export type WorkerPrototype = Pick<Worker, 'postMessage' | 'terminate'>;

/** Null once the thread has ended. */
function handleOf(worker: object): Numbered | null {
  const isHandle = ({ description }: symbol): boolean => description === 'kHandle';
  const key = Object.getOwnPropertySymbols(worker).find(isHandle);
  return key === undefined ? null : (worker as Record<symbol, Numbered | null>)[key]!;
}

/**
 * A message to one of them fails at once and says why, instead of an answer that never comes (a library that waits for it by
 * Atomics.wait would block for ever). terminate() finds it ended.
 */
export function refuseInheritedWorkers(prototype: WorkerPrototype): void {
  const isOfParent = olderThanNow();
  const { postMessage, terminate } = prototype;
  prototype.postMessage = function (this: object, ...args) {
    if (isOfParent(handleOf(this))) {
      throw new StateError(
        `this worker_thread belongs to the process that was forked: make one in process ${String(process.pid)}`,
      );
    }
    postMessage.apply(this as Worker, args);
  };
  prototype.terminate = function (this: object) {
    if (!isOfParent(handleOf(this))) return terminate.call(this as Worker);
    // As Node answers of one that has ended, whatever its types say.
    return Promise.resolve(undefined as unknown as number);
  };
}
