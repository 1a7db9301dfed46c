/** Waiting for whichever of several objects is ready first. */
import { Deadline } from '../base/deadline.js';
import { checkWait, invalidType, type Wait } from '../base/options.js';
import { READINESS, isWaitable, type Waitable } from '../base/readiness.js';
import { PendingWait } from '../base/wait.js';

const FOR_EVER: Wait = Object.freeze({});
const AT_ONCE: Wait = Object.freeze({ timeout: 0 });

/**
 * Waits, without blocking the thread, until at least one of the objects is ready: a Connection when there is a message to receive
 * or its other end is gone, the `sentinel` of a Process when the process has ended. Nothing is received by it. A pending wait
 * keeps the event loop alive. Python: `multiprocessing.connection.wait(object_list, timeout)`.
 * @param objects Connections and sentinels, as many as wanted and in any mixture.
 * @param wait.timeout Milliseconds. Absent waits for ever, 0 looks once.
 * @param wait.signal Ends the wait.
 * @returns All that are ready, in the order given; none when the time was over. Of no objects none is ever ready: that is the
 * answer when the time is over, or at once where there is no timeout (Python waits for ever).
 * @throws (as rejections) TypeError and RangeError for wrong arguments; ClosedError when one of the connections is closed, before or
 * meanwhile; StateError for a connection that only sends; the signal's reason.
 */
export async function wait<T extends Waitable>(
  objects: Iterable<T>,
  wait: Wait = FOR_EVER,
): Promise<T[]> {
  checkWait('wait', wait);
  const all = checkWaitables(objects);
  wait.signal?.throwIfAborted();
  if (all.length === 0 && (wait.timeout ?? Infinity) === Infinity) return [];
  const deadline = Deadline.after(wait.timeout);
  for (;;) {
    const ready = await readyNow(all);
    if (ready.length > 0 || deadline.remainingMs() === 0) return ready;
    // What becomes ready may be taken by somebody else before it is looked at: then it goes on.
    await untilOneIsReady(all, { timeout: deadline.remainingMs(), signal: wait.signal });
  }
}

function checkWaitables<T extends Waitable>(objects: Iterable<T>): T[] {
  const given: unknown = objects;
  const iterates =
    typeof given === 'object' && given !== null && Symbol.iterator in given && !isWaitable(given);
  if (!iterates) throw invalidType('objects', 'an iterable of connections and sentinels', given);
  const all = [...objects];
  all.forEach((object: unknown, index) => {
    if (isWaitable(object)) return;
    const name = `objects[${String(index)}]`;
    throw invalidType(name, "a Connection or a Process's sentinel", object);
  });
  return all;
}

async function readyNow<T extends Waitable>(all: readonly T[]): Promise<T[]> {
  const ready = await Promise.all(all.map((object) => object[READINESS](AT_ONCE)));
  return all.filter((_, index) => ready[index]);
}

/** Leaves no trace at the others. */
function untilOneIsReady(all: readonly Waitable[], wait: Wait): Promise<void> {
  const others = new AbortController();
  const pending = new PendingWait<void>(
    wait,
    () => undefined,
    () => {
      others.abort();
    },
  );
  const toOthers: Wait = { signal: others.signal };
  for (const object of all) {
    object[READINESS](toOthers).then(
      () => {
        pending.resolve();
      },
      (error: unknown) => {
        pending.reject(error);
      },
    );
  }
  return pending.promise;
}
