import { QueueOutcome, type QueueHandle } from '../backend/queue-contract.js';
import { FOR_EVER, readWait, type Wait } from '../base/options.js';
import { TimeoutError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import type { Shared } from '../serialization/travel.js';
import { syncTimeout, type SyncWait } from '../sync/options.js';
import { openQueue } from './arrived.js';
import { queueBackend } from './backend.js';
import { joinableShape, type JoinableQueueOptions } from './options.js';
import { Queue } from './queue.js';

export type { JoinableQueueOptions };

const TAG = 'JoinableQueue';

/**
 * A Queue that counts what is not done yet: who got an item says `taskDone()` when it has dealt with it, and `join()` waits until
 * that was said of every item. Python: `multiprocessing.JoinableQueue`.
 *
 * When a process dies between `get` and `taskDone()`, its items go back to their places in the queue, for others, even past
 * `maxSize`; with `onConsumerDied: 'count'` they count as done, and `abandoned` says how many. In Python `join()` then waits for ever. So the queue has not come to
 * its end, for who gets, while another process has items that it has not said to be done with.
 */
export class JoinableQueue<T = unknown> extends Queue<T> {
  /**
   * @param maxSizeOrOptions As of Queue, and `onConsumerDied`: 'redeliver', the default, or 'count'.
   * @throws As Queue.
   */
  constructor(maxSizeOrOptions?: number | JoinableQueueOptions) {
    super(maxSizeOrOptions);
    refuseClone(this, TAG);
  }

  /**
   * An item that was got has been dealt with: the oldest one that this process has, else anybody's. One that could not be
   * understood counts too. Never waits. Python: `task_done()`.
   * @throws RangeError when no item is unfinished (Python: ValueError).
   */
  taskDone(): void {
    if (Queue.handleOf(this).taskDone()) return;
    const error = new RangeError('taskDone() was called more often than items were put');
    throw Object.assign(error, { code: 'ERR_MP_OUT_OF_RANGE' });
  }

  /**
   * Waits until every item that was put has been said to be done, without blocking the thread. Python: `join()`, without a timeout.
   * @param wait.timeout Milliseconds. Absent waits for ever, 0 looks once.
   * @param wait.signal Ends the wait.
   * @throws (as rejections) TimeoutError when the time was over; the signal's reason; TypeError and RangeError for wrong options.
   */
  async join(wait: Wait = FOR_EVER): Promise<void> {
    const limits = readWait('wait', wait);
    const begun = Queue.handleOf(this).join(limits);
    checkJoined(typeof begun === 'number' ? begun : await begun, limits.timeout);
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, beside what `join` throws. */
  joinSync(wait?: SyncWait): void {
    const timeout = syncTimeout('wait', wait);
    checkJoined(Queue.handleOf(this).joinSync(timeout), timeout);
  }

  /**
   * With `onConsumerDied: 'count'`, how many items count as done because the process that had got them has died: after a `join()` 0 if
   * all were dealt with. With 'redeliver' 0. Python has no such thing.
   */
  get abandoned(): number {
    return Queue.handleOf(this).abandoned();
  }

  override get [Symbol.toStringTag](): string {
    return TAG;
  }

  /** @internal */
  protected override newHandle(given: unknown): QueueHandle {
    return queueBackend().create(joinableShape(given));
  }

  static {
    registerHandleReducer<JoinableQueue<unknown>, Shared>(TAG, JoinableQueue<unknown>, {
      reduce: (queue, transfer) => Queue.send(queue, transfer),
      rebuild: (data, handles) => new JoinableQueue(openQueue(data, handles, true) as never),
    });
  }
}

function checkJoined(outcome: QueueOutcome, timeoutMs: number | undefined): void {
  if (outcome === QueueOutcome.Done) return;
  throw new TimeoutError(`items were unfinished after ${String(timeoutMs ?? 0)} ms`);
}
