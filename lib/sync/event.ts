import { inspect } from 'node:util';
import { SyncOutcome, type EventHandle } from '../backend/sync-contract.js';
import { FOR_EVER, readWait, type Wait } from '../base/options.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { syncBackend } from './backend.js';
import { syncTimeout, type SyncWait } from './options.js';
import { openShared, sendShared, type Shared } from './travel.js';

const TAG = 'Event';

/** One that has arrived from another process. */
class ArrivedEvent {
  readonly handle: EventHandle;

  constructor(handle: EventHandle) {
    this.handle = handle;
  }
}

/**
 * A flag among processes, and whoever waits until it is set. It travels to other processes as a Lock does. Python:
 * `multiprocessing.Event`.
 */
export class Event {
  readonly #handle: EventHandle;

  /** Not set at first. @throws SystemError when there is no more room. */
  constructor() {
    // eslint-disable-next-line prefer-rest-params -- the package's own argument is none of the public ones
    const [arrived] = arguments as unknown as [unknown];
    this.#handle = arrived instanceof ArrivedEvent ? arrived.handle : syncBackend().event();
    refuseClone(this, TAG);
  }

  /** Sets the flag and wakes everybody who waits, also when it is cleared again at once. Never waits. Python: `set()`. */
  set(): void {
    this.#handle.set();
  }

  /** Never waits. Python: `clear()`. */
  clear(): void {
    this.#handle.clear();
  }

  /** Never waits. Python: `is_set()`. */
  isSet(): boolean {
    return this.#handle.isSet();
  }

  /**
   * Waits until the flag is set, without blocking the thread. Python: `wait(timeout)`.
   * @param wait.timeout Milliseconds. Absent waits for ever, 0 looks once.
   * @param wait.signal Ends the wait.
   * @returns True when the flag was set, false when the time was over.
   * @throws (as rejections) the signal's reason; TypeError and RangeError for wrong options.
   */
  async wait(wait: Wait = FOR_EVER): Promise<boolean> {
    const begun = this.#handle.wait(readWait('wait', wait));
    return (typeof begun === 'number' ? begun : await begun) === SyncOutcome.Done;
  }

  /** The same, blocking the thread. @throws NotSupportedError on the fallback backend, TypeError, RangeError. */
  waitSync(wait?: SyncWait): boolean {
    return this.#handle.waitSync(syncTimeout('wait', wait)) === SyncOutcome.Done;
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    return `${TAG} { ${this.isSet() ? 'set' : 'unset'} }`;
  }

  static {
    registerHandleReducer<Event, Shared>(TAG, Event, {
      reduce: (event, transfer) => sendShared(event.#handle, transfer),
      rebuild: (data, handles) =>
        new (Event as new (arrived: ArrivedEvent) => Event)(
          new ArrivedEvent(openShared('event', data, handles)),
        ),
    });
  }
}
