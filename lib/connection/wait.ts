/** Python's `multiprocessing.connection.wait`: several things at once, of any kind, by one mechanism (base/readiness.ts). */
import { Server, Socket } from 'node:net';
import { backend } from '../backend/index.js';
import { throwIfAborted } from '../base/abort-signal.js';
import { Deadline } from '../base/deadline.js';
import { FOR_EVER, invalidType, readSyncTimeout, readWait } from '../base/options.js';
import type { SyncWait, Wait } from '../base/options.js';
import { READINESS, type HasReadiness, type Readiness } from '../base/readiness.js';
import { PendingWait } from '../base/wait.js';
import { NotSupportedError } from '../errors.js';
import { socketReadiness } from './socket-readiness.js';

/** What `wait()` waits for: connections, sentinels of processes, queues, and sockets in paused mode. */
export type Waitable = HasReadiness | Socket;

interface Watched<T> {
  readonly object: T;
  readonly readiness: Readiness;
}

/** Those of the watched that are ready, in the order in which this was found. */
type Ready<T> = Set<Watched<T>>;

/** Why the waits for the others are given up when one is ready. Nobody gets to see it. */
const LOST = Symbol('another one was ready first');

/**
 * Waits until at least one of the objects is ready, and answers those that are, in the order given. Nothing is taken from any
 * of them. Who is told that a process has ended is told as well of what it had sent to another of the objects. Ready is
 * - a `Connection` from which a receive would not wait: a message is there, or the end of the stream;
 * - the `sentinel` of a process that has ended;
 * - a `Queue`, `JoinableQueue` or `SimpleQueue` from which a get would not wait: an item is there, or the queue has come to its end;
 * - a `net.Socket` that has data in its buffer (`readableLength`), has ended, or was destroyed. It must be in paused mode: without
 *   "data" listeners and pipes.
 *
 * Does not block the thread. While it is pending it keeps the event loop alive; when it settles, nothing of it is left at any of
 * the objects.
 *
 * Python: `multiprocessing.connection.wait(object_list, timeout=None)`.
 *
 * @param objects Any number, each of them once.
 * @param wait `timeout` in milliseconds: absent or `Infinity` waits for ever, 0 looks once. `signal` ends the wait.
 * @returns Those that are ready; an empty list when the time was over. For no objects at all an empty list, after the time if
 *   one was given and at once otherwise.
 * @throws TypeError for what cannot be waited for, or is given twice; RangeError for a timeout that is negative or NaN.
 * @throws ClosedError for a connection that is closed, also during the wait; StateError for one that only sends, and for a socket
 *   whose data is taken as it comes.
 * @throws NotSupportedError for a `net.Server`, which accepts connections by itself.
 * @throws The signal's reason when it is aborted.
 */
export async function wait<T extends Waitable>(
  objects: Iterable<T>,
  wait: Wait = FOR_EVER,
): Promise<T[]> {
  const { timeout, signal } = readWait('wait', wait);
  const watched = watch(objects);
  throwIfAborted(signal);
  const deadline = Deadline.after(timeout);
  if (watched.length === 0 && deadline.never) return [];
  let ready = await readyNow(watched);
  while (ready.size === 0 && !deadline.passed)
    ready = await untilReady(watched, { timeout: deadline.remainingMs(), signal });
  throwIfAborted(signal);
  return inOrder(watched, ready);
}

/**
 * The blocking twin of `wait()`: this thread does nothing else meanwhile, so no timer, no socket and no signal handler of this
 * process runs. Signals do not cut it short; what waits to be sent on the connections goes on.
 *
 * Python: `multiprocessing.connection.wait(object_list, timeout=None)`.
 *
 * @param objects Connections, sentinels and queues, any number, each of them once.
 * @param wait `timeout` in milliseconds: absent or `Infinity` waits for ever, 0 looks once.
 * @returns Those that are ready, in the order given; an empty list when the time was over. For no objects at all an empty list,
 *   after the time if one was given and at once otherwise.
 * @throws TypeError, RangeError, ClosedError and StateError as `wait()`; SystemError when the system refuses to poll.
 * @throws NotSupportedError on the fallback backend, and for sockets and servers of `node:net`.
 */
export function waitSync<T extends Waitable>(objects: Iterable<T>, wait: SyncWait = {}): T[] {
  const timeout = readSyncTimeout('wait', wait);
  const { blockOn } = backend();
  if (blockOn === undefined) throw noBlocking();
  const watched = watch(objects);
  const deadline = Deadline.after(timeout);
  if (watched.length === 0 && deadline.never) return [];
  for (;;) {
    const over = deadline.passed;
    const polled = watched.map(({ readiness }) => readiness.arm());
    try {
      // Armed first: whatever happens after this look is seen by the descriptors.
      const ready = lookAround(watched);
      if (ready.size > 0 || over) return inOrder(watched, ready);
      blockOn(polled, deadline);
    } finally {
      for (const { readiness } of watched) readiness.disarm?.();
    }
  }
}

function watch<T extends Waitable>(objects: Iterable<T>): Watched<T>[] {
  if (
    typeof (objects as Partial<Iterable<T>> | null | undefined)?.[Symbol.iterator] !== 'function'
  ) {
    throw invalidType('objects', 'an array, or something else to iterate over', objects);
  }
  const watched: Watched<T>[] = [];
  const seen = new Set<T>();
  for (const object of objects) {
    const name = `objects[${String(watched.length)}]`;
    const readiness = readinessOf(name, object);
    if (seen.has(object))
      throw invalidType(name, 'an object that is not among them before', object);
    seen.add(object);
    watched.push({ object, readiness });
  }
  return watched;
}

function readinessOf(name: string, object: Waitable): Readiness {
  if (object instanceof Socket) return socketReadiness(object);
  if (object instanceof Server) throw noServers(name);
  if (typeof (object as Partial<HasReadiness> | null | undefined)?.[READINESS] !== 'function') {
    throw invalidType(
      name,
      'a Connection, a Queue, the sentinel of a Process or a net.Socket',
      object,
    );
  }
  return object[READINESS]();
}

/**
 * Objects are looked at one after the other: a child may send and end between the look at its line and the one at its sentinel.
 * So once one is ready the others are looked at again, until nothing is added. Whoever is told of an event is then told of
 * everything as well that came before it.
 */
function lookAround<T>(watched: readonly Watched<T>[]): Ready<T> {
  const ready: Ready<T> = new Set();
  let before: number;
  do {
    before = ready.size;
    for (const one of watched) if (!ready.has(one) && one.readiness.look()) ready.add(one);
  } while (ready.size > before && ready.size < watched.length);
  return ready;
}

/** The same, and asks where looking is not enough. */
async function readyNow<T>(
  watched: readonly Watched<T>[],
  ready: Ready<T> = new Set(),
): Promise<Ready<T>> {
  let before: number;
  const see = async (one: Watched<T>): Promise<void> => {
    if (ready.has(one)) return;
    if (one.readiness.look() ?? (await one.readiness.wait({ timeout: 0 }))) ready.add(one);
  };
  do {
    before = ready.size;
    await Promise.all(watched.map(see));
  } while (ready.size > before && ready.size < watched.length);
  return ready;
}

/** Empty when the time was over, or when somebody else was quicker to take what one was ready for. */
async function untilReady<T>(watched: readonly Watched<T>[], wait: Wait): Promise<Ready<T>> {
  const lost = new AbortController();
  const first = new PendingWait<void>(wait, () => undefined);
  const waits = watched.map(async ({ readiness }) => {
    try {
      const ready = await readiness.wait({ signal: lost.signal });
      first.resolve();
      return ready;
    } catch (error) {
      // Only the first one's counts.
      first.reject(error);
      return false;
    }
  });
  let told: boolean[] = [];
  try {
    await first.promise;
  } finally {
    lost.abort(LOST);
    told = await Promise.all(waits);
  }
  const ready = watched.filter(({ readiness }, index) => readiness.look() ?? told[index]);
  return ready.length > 0 ? readyNow(watched, new Set(ready)) : new Set();
}

function inOrder<T>(watched: readonly Watched<T>[], ready: Ready<T>): T[] {
  return watched.filter((one) => ready.has(one)).map(({ object }) => object);
}

function noServers(name: string): NotSupportedError {
  return new NotSupportedError(
    `${name} is a net.Server, which accepts every connection by itself, so that none is ever waiting: ` +
      "await events.once(server, 'connection') and wait for the sockets",
  );
}

function noBlocking(): NotSupportedError {
  return new NotSupportedError(
    'waitSync is not available on the fallback backend: use await wait(), ' +
      'or the native backend (Linux x64/arm64 with the addon)',
  );
}
