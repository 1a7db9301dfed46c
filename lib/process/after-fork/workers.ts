/** The parent's worker_threads, which do not exist in a forked child. */
import diagnosticsChannel from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';
import { StateError } from '../../errors.js';

export interface Workers {
  readonly prototype: Pick<Worker, 'postMessage' | 'terminate'>;
  /** The diagnostics channel on which new ones are announced. */
  readonly channel: string;
}

/**
 * A message to one of them fails at once and says why, instead of an answer that never comes (a library that waits for it by
 * Atomics.wait would block for ever). terminate() finds it ended.
 */
export function refuseInheritedWorkers({ prototype, channel }: Workers): void {
  const ours = new WeakSet();
  diagnosticsChannel.subscribe(channel, (message) => {
    ours.add((message as { worker: Worker }).worker);
  });
  const { postMessage, terminate } = prototype;
  prototype.postMessage = function (this: object, ...args) {
    if (!ours.has(this)) {
      throw new StateError(
        `this worker_thread belongs to the process that was forked: make one in process ${String(process.pid)}`,
      );
    }
    postMessage.apply(this as Worker, args);
  };
  prototype.terminate = function (this: object) {
    if (ours.has(this)) return terminate.call(this as Worker);
    // As Node answers of one that has ended, whatever its types say.
    return Promise.resolve(undefined as unknown as number);
  };
}
