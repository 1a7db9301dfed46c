/** What goes wrong in this room, in words. */
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import { outOfRange } from '../base/options.js';

const WARNING = 'MultiprocessingWarning';

/** Python's ValueError. */
export function notHeld(kind: string): RangeError {
  const error = new RangeError(`the ${kind} is not locked, so there is nothing to release`);
  return Object.assign(error, { code: 'ERR_MP_OUT_OF_RANGE' });
}

export function overReleased(permits: number): RangeError {
  return outOfRange('n', 'no more than what was acquired', permits);
}

/** Who died with a lock. With the number of this very process it was a worker_thread, which has no other. */
export function theDead(pid: number | undefined): string {
  if (pid === process.pid) return 'a thread of this process';
  return `process ${String(pid || '(unknown)')}`;
}

export function warnTaken(pid: number | undefined): void {
  process.emitWarning(
    `took a lock that ${theDead(pid)} held when it died: ` +
      'what the lock protects may be half done',
    { type: WARNING, code: 'ERR_MP_LOCK_ABANDONED' },
  );
}

let warned = false;

/** Once per process: it is about how the program is written. */
export function warnAnonymous(): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    'acquire() of an RLock waits for another acquire() of this very process. A promise does not tell the task that asks ' +
      'from any other, so this would wait for ever if it is the same task. Recursion works inside of rlock.withLock(body), ' +
      'with acquire({ holder }) where holder is an object of the task, and with acquireSync()',
    { type: WARNING, code: 'ERR_MP_RLOCK_HOLDER' },
  );
}

resetAfterFork(AfterForkOrder.Services, () => {
  warned = false;
});

/** The lock would be free again before the body has done its work. */
export function refusePromise<T>(result: T): T {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return result;
  const error = new TypeError(
    'the body returned a promise, but the blocking form releases the lock at once: use withLock()',
  );
  throw Object.assign(error, { code: 'ERR_MP_INVALID_ARGUMENT' });
}
