import type { Wait } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import { EndOfFileError, StateError, TimeoutError } from '../../errors.js';
import type { Addon, NativeChannel } from '../addon.js';
import type { Message, TransferHandle } from '../contract.js';
import { isRawSystemError, systemError } from '../system-error.js';
import { NativeTransferHandle } from './transfer-handle.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/** Where small messages are read to. As much as `Buffer.allocUnsafe` takes from its pool. */
const scratch = Buffer.allocUnsafeSlow(4095);

/** Those who wait for messages of one end, in order, and those who wait for one to be there. */
export class ReceiveQueue {
  readonly #addon: Addon;
  readonly #native: NativeChannel;
  readonly #onTakenBack: () => void;
  readonly #receivers = new Set<PendingWait<Message>>();
  readonly #pollers = new Set<PendingWait<boolean>>();

  constructor(addon: Addon, native: NativeChannel, onTakenBack: () => void) {
    this.#addon = addon;
    this.#native = native;
    this.#onTakenBack = onTakenBack;
  }

  /** How many wait, of either kind. */
  get size(): number {
    return this.#receivers.size + this.#pollers.size;
  }

  /** How many messages are spoken for. */
  get receivers(): number {
    return this.#receivers.size;
  }

  /** The next message, or undefined when it has not all arrived. */
  take(): Message | undefined {
    let received: ReturnType<NativeChannel['tryRecv']>;
    try {
      received = this.#native.tryRecv(scratch);
    } catch (error) {
      throw describeReceiveError(error);
    }
    if (typeof received === 'number') {
      const bytes = Buffer.allocUnsafe(received);
      scratch.copy(bytes, 0, 0, received);
      return { bytes, handles: NO_HANDLES };
    }
    if (received === undefined) return undefined;
    if (received === null) {
      throw new EndOfFileError('the other end of the connection is closed, and all was read');
    }
    if (!Array.isArray(received)) return { bytes: received, handles: NO_HANDLES };
    const [bytes, fds] = received;
    return { bytes, handles: fds.map((fd) => new NativeTransferHandle(this.#addon, fd)) };
  }

  /** Would the next receiver not have to wait? */
  ready(): boolean {
    return this.#receivers.size === 0 && this.#native.readable();
  }

  addReceiver(wait: Wait): Promise<Message> {
    return this.#add(this.#receivers, wait, noMessage);
  }

  addPoller(wait: Wait): Promise<boolean> {
    return this.#add(this.#pollers, wait, () => false);
  }

  #add<T>(waiting: Set<PendingWait<T>>, wait: Wait, onTimeout: () => T): Promise<T> {
    const pending: PendingWait<T> = new PendingWait<T>(wait, onTimeout, () => {
      if (waiting.delete(pending)) this.#onTakenBack();
    });
    waiting.add(pending);
    return pending.promise;
  }

  /** Hands out what has arrived. */
  pump(): void {
    for (const receiver of this.#receivers) {
      try {
        const message = this.take();
        if (message === undefined) return;
        this.#receivers.delete(receiver);
        receiver.resolve(message);
      } catch (error) {
        this.#receivers.delete(receiver);
        receiver.reject(error);
      }
    }
    if (this.#pollers.size === 0 || !this.#native.readable()) return;
    for (const poller of this.#pollers) {
      this.#pollers.delete(poller);
      poller.resolve(true);
    }
  }

  rejectAll(reason: unknown): void {
    for (const waiting of [...this.#receivers, ...this.#pollers]) waiting.reject(reason);
  }

  /** After a fork: they are the parent's. */
  drop(): void {
    this.#receivers.clear();
    this.#pollers.clear();
  }
}

export function noMessage(): never {
  throw new TimeoutError('no message has come in time');
}

function describeReceiveError(error: unknown): unknown {
  if (!isRawSystemError(error)) return error;
  switch (error.code) {
    case 'ECONNRESET':
      return systemError(
        'the connection ended in the middle of a message (truncated message)',
        error,
      );
    case 'EPROTO':
      return systemError('what arrived is not a message of a connection', error);
    case 'EMFILE':
      return systemError(
        'a message was lost: the descriptors that came with it do not fit into this process (see ulimit -n)',
        error,
      );
    case 'ECONNABORTED':
      return new StateError(
        'this process was forked while a message was being received, whose rest only its parent can ' +
          'understand: nothing can be received on this connection here',
        { cause: error },
      );
    default:
      return systemError('receiving failed', error);
  }
}
