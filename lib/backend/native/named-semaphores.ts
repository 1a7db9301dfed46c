import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import type { Wait } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import { ClosedError, type SystemError } from '../../errors.js';
import {
  SyncOutcome,
  type Begun,
  type NamedSemaphoreHandle,
  type NamedSemaphores,
} from '../sync-contract.js';
import { isRawSystemError, systemError } from '../system-error.js';
import { aborted } from './sync/handle.js';

interface NativeNamedSemaphore {
  tryAcquire(): boolean;
  /** Blocks; timeoutMs may be Infinity. */
  acquireSync(timeoutMs: number): boolean;
  /** False, and nothing released, past SEM_VALUE_MAX. */
  release(permits: number): boolean;
  value(): number;
  /** How many waits are pending; their permits arrive by `onGiven`. Keeps the loop alive while there are any. */
  want(waits: number): void;
  close(): void;
}

/** This room's part of the addon; absent where the platform has no named semaphores, or none with timeouts. */
export interface NativeNamed {
  NativeNamedSemaphore: new (
    name: string,
    create: boolean,
    exclusive: boolean,
    mode: number,
    value: number,
    onGiven: (permits: number) => void,
  ) => NativeNamedSemaphore;
  unlinkSemaphore(name: string): void;
}

/** What keeps those that are waited for from being collected. */
const waitedFor = new Set<NamedHandle>();

resetAfterFork(AfterForkOrder.Handles, (occasion) => {
  if (occasion === 'rehearsal') return;
  // The waits are the parent's; the addon has forgotten them already.
  for (const handle of waitedFor) handle.drop();
  waitedFor.clear();
});

class NamedHandle implements NamedSemaphoreHandle {
  readonly #name: string;
  #native: NativeNamedSemaphore | undefined;
  /** In order of arrival. */
  readonly #waits = new Set<PendingWait<SyncOutcome>>();

  constructor(name: string, open: (onGiven: (permits: number) => void) => NativeNamedSemaphore) {
    this.#name = name;
    this.#native = open(giveTo(new WeakRef(this)));
  }

  acquire(wait: Wait): Begun {
    const native = this.#opened();
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (this.#waits.size === 0 && native.tryAcquire()) return SyncOutcome.Done;
    if (wait.timeout === 0) return SyncOutcome.TimedOut;
    const pending: PendingWait<SyncOutcome> = new PendingWait<SyncOutcome>(
      wait,
      () => SyncOutcome.TimedOut,
      () => {
        if (this.#waits.delete(pending)) this.#want();
      },
    );
    this.#waits.add(pending);
    try {
      this.#want();
    } catch (error) {
      pending.reject(systemError('no thread could be made that waits for the semaphore', error));
    }
    return pending.promise;
  }

  acquireSync(timeoutMs: number): SyncOutcome {
    return this.#opened().acquireSync(timeoutMs) ? SyncOutcome.Done : SyncOutcome.TimedOut;
  }

  release(permits: number): boolean {
    return this.#opened().release(permits);
  }

  value(): number {
    return this.#opened().value();
  }

  toTransfer(): { reference: string; handle: undefined } {
    this.#opened();
    return { reference: this.#name, handle: undefined };
  }

  close(): void {
    const native = this.#native;
    if (native === undefined) return;
    const waits = [...this.#waits];
    this.#waits.clear();
    this.#want();
    this.#native = undefined;
    native.close();
    for (const wait of waits) wait.reject(closed(this.#name));
  }

  /** Permits that the addon's thread has taken for the first in line. */
  give(permits: number): void {
    let left = permits;
    for (const wait of this.#waits) {
      if (left === 0) break;
      left -= 1;
      this.#waits.delete(wait);
      wait.resolve(SyncOutcome.Done);
    }
    this.#want();
  }

  drop(): void {
    this.#waits.clear();
  }

  #want(): void {
    if (this.#waits.size > 0) waitedFor.add(this);
    else waitedFor.delete(this);
    this.#native?.want(this.#waits.size);
  }

  #opened(): NativeNamedSemaphore {
    if (this.#native === undefined) throw closed(this.#name);
    return this.#native;
  }
}

/** The addon holds the function for as long as the semaphore is open: it must not hold the handle. */
function giveTo(handle: WeakRef<NamedHandle>): (permits: number) => void {
  return (permits) => {
    handle.deref()?.give(permits);
  };
}

function closed(name: string): ClosedError {
  return new ClosedError(`the semaphore ${name} has been closed here`);
}

const WAYS_OUT: Record<string, string> = {
  EEXIST: 'there is one of that name already (open it, leave `exclusive` out, or unlink it first)',
  ENOENT: 'there is none of that name (create it)',
  EACCES:
    'this user may not use it (its maker can allow it by `mode`, of which the umask takes away)',
};

function failure(what: string, name: string, error: unknown): SystemError {
  const code = isRawSystemError(error) ? error.code : '';
  const text = `the semaphore ${name} could not be ${what}`;
  const way = WAYS_OUT[code];
  return systemError(way === undefined ? text : `${text}, ${way}`, error) as SystemError;
}

export function createNamedSemaphores(native: NativeNamed): NamedSemaphores {
  return {
    create(name, value, exclusive, mode) {
      try {
        return new NamedHandle(
          name,
          (onGiven) => new native.NativeNamedSemaphore(name, true, exclusive, mode, value, onGiven),
        );
      } catch (error) {
        throw failure('created', name, error);
      }
    },
    open(name) {
      try {
        return new NamedHandle(
          name,
          (onGiven) => new native.NativeNamedSemaphore(name, false, false, 0, 0, onGiven),
        );
      } catch (error) {
        throw failure('opened', name, error);
      }
    },
    unlink(name) {
      try {
        native.unlinkSemaphore(name);
      } catch (error) {
        throw failure('unlinked', name, error);
      }
    },
  };
}
