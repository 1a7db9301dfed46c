/** Pools that were never ended and that nobody can reach any more. */
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import type { WorkerSet } from './worker-set.js';

interface Dropped {
  readonly set: WorkerSet;
  /** As it is called in messages. */
  readonly name: string;
  readonly owner: number;
}

let warned = false;

resetAfterFork(AfterForkOrder.Services, (occasion) => {
  if (occasion !== 'rehearsal') warned = false;
});

/**
 * Such a pool takes no more work; what it was given is still finished. One that has been ended is taken off the list: the errors that
 * its tasks fail with keep the frames of that call, so the pool itself, reachable from here.
 */
export const droppedPools = new FinalizationRegistry<Dropped>((dropped) => {
  // In a forked child the workers are its parent's, and so is the fault.
  if (dropped.owner === process.pid && dropped.set.isAtWork) warn(dropped.name);
  dropped.set.close();
});

/** When that is noticed is the collector's affair, and until then the workers are there. Once per process: it is about how the program is written. */
function warn(name: string): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    `${name} was collected while it was running: its workers end when what it was given is done. Call close() or terminate(), or declare it with \`await using\``,
    { type: 'MultiprocessingWarning', code: 'ERR_MP_POOL_DROPPED' },
  );
}
