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

/** Node's own, for the hooks of `module.register()`: asked at each import(), also of what is loaded already. */
function isOfLoader(worker: object): boolean {
  return worker.constructor.name === 'InternalWorker';
}

const LOADER_IS_GONE =
  'import() does not work in a forked process of a program with hooks of module.register() (a loader of TypeScript, Yarn PnP): ' +
  'the thread that they run on is not there. Use module.registerHooks(), require(), what was imported before the fork, or spawn.';

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
        isOfLoader(this)
          ? LOADER_IS_GONE
          : `this worker_thread belongs to the process that was forked: make one in process ${String(process.pid)}`,
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
