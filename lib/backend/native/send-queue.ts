import type { Wait } from '../../base/options.js';
import { outOfRange } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import { BrokenPipeError, StateError, TimeoutError } from '../../errors.js';
import type { NativeChannel } from '../addon.js';
import type { Message, TransferHandle } from '../contract.js';
import { ReferenceOnItsWay } from './reference-on-its-way.js';
import { isRawSystemError, systemError } from '../system-error.js';
import { NativeTransferHandle } from './transfer-handle.js';

/** The kernel's bound (SCM_MAX_FD). */
const MAX_HANDLES_PER_MESSAGE = 253;

/** `done`: written. `started`: the rest is to be flushed. `waiting`: nothing was taken. */
export type SendProgress = 'done' | 'started' | 'waiting';

interface Entry {
  readonly message: Message;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  started: boolean;
  /** While it lasts the message can be taken back. */
  beginning: PendingWait<void> | undefined;
}

/** The messages of one end that wait for room, in order. Only the first can have been started. */
export class SendQueue {
  readonly #native: NativeChannel;
  readonly #onTakenBack: () => void;
  readonly #entries = new Set<Entry>();

  constructor(native: NativeChannel, onTakenBack: () => void) {
    this.#native = native;
    this.#onTakenBack = onTakenBack;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Begins a message now. Its handles are consumed as soon as it is more than waiting. */
  begin({ bytes, handles }: Message): SendProgress {
    const fds = descriptorsOf(handles);
    try {
      const done =
        fds.length === 0 ? this.#native.trySend(bytes) : this.#native.trySend(bytes, fds);
      if (!done && !this.#native.pending) return 'waiting';
      for (const handle of handles) {
        if (handle instanceof ReferenceOnItsWay) handle.sent();
        else handle.discard();
      }
      return done ? 'done' : 'started';
    } catch (error) {
      throw describeSendError(error, bytes.byteLength);
    }
  }

  /** Goes on with the message that was started last. True when all of it is written. */
  flush(): boolean {
    try {
      return this.#native.flush();
    } catch (error) {
      throw describeSendError(error, 0);
    }
  }

  /** Resolves when the message, which may have been started, is written. */
  add(message: Message, wait: Wait, started: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: Entry = { message, resolve, reject, started, beginning: undefined };
      this.#entries.add(entry);
      if (!started && (wait.timeout !== undefined || wait.signal)) {
        entry.beginning = this.#takeBackWhenDue(entry, wait);
      }
    });
  }

  #takeBackWhenDue(entry: Entry, wait: Wait): PendingWait<void> {
    const beginning = new PendingWait<void>(wait, timedOut, () => {
      if (!entry.started) this.#entries.delete(entry);
    });
    beginning.promise.catch((reason: unknown) => {
      entry.reject(reason);
      this.#onTakenBack();
    });
    return beginning;
  }

  /** Writes as much as there is room for. */
  pump(): void {
    for (const entry of this.#entries) {
      try {
        if (!this.#advance(entry)) return;
        this.#entries.delete(entry);
        entry.resolve();
      } catch (error) {
        this.#reject(entry, error);
      }
    }
  }

  /** True when all of the entry's message is written. */
  #advance(entry: Entry): boolean {
    if (entry.started) return this.flush();
    const progress = this.begin(entry.message);
    if (progress === 'waiting') return false;
    entry.started = true;
    entry.beginning?.resolve();
    return progress === 'done';
  }

  #reject(entry: Entry, reason: unknown): void {
    this.#entries.delete(entry);
    if (entry.beginning && !entry.beginning.settled) entry.beginning.reject(reason);
    else entry.reject(reason);
  }

  /** All but the message that is on its way. */
  rejectUnstarted(reason: unknown): void {
    for (const entry of this.#entries) {
      if (!entry.started) this.#reject(entry, reason);
    }
  }

  /** After a fork: they are the parent's. */
  drop(): void {
    this.#entries.clear();
  }
}

/** What travels beside the message; a reference is in it. */
function descriptorsOf(handles: readonly TransferHandle[]): number[] {
  const fds: number[] = [];
  for (const handle of handles) {
    if (!(handle instanceof ReferenceOnItsWay)) fds.push(NativeTransferHandle.of(handle).fd);
  }
  if (fds.length > MAX_HANDLES_PER_MESSAGE) {
    const expected = `at most ${MAX_HANDLES_PER_MESSAGE} (put the rest into another message)`;
    throw outOfRange('the number of handles in one message', expected, fds.length);
  }
  return fds;
}

export function timedOut(): never {
  throw new TimeoutError('the time to send has passed: the other end does not read');
}

function describeSendError(error: unknown, bytes: number): unknown {
  if (!isRawSystemError(error)) return error;
  const options = { cause: error };
  switch (error.code) {
    case 'EPIPE':
    case 'ECONNRESET':
      return new BrokenPipeError('nobody is left at the other end of the connection', options);
    case 'ECONNABORTED':
      return new StateError(
        'this process was forked while a message was being sent, which only its parent can finish: ' +
          'nothing can be sent on this connection here',
        options,
      );
    case 'EFAULT':
      return new StateError(
        'the memory of a message that was being sent has been transferred away or resized: ' +
          'its connection is broken',
        options,
      );
    case 'EMSGSIZE':
      return outOfRange('the size of a message', 'at most 4 GiB', bytes);
    case 'EMFILE':
      return systemError('too many handles are on their way and not yet received', error);
    default:
      return systemError('sending failed', error);
  }
}
