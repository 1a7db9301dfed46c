import { outOfRange } from '../../base/options.js';
import type { PolledDescriptor } from '../../base/readiness.js';
import { BrokenPipeError, EndOfFileError, StateError } from '../../errors.js';
import type { Addon, NativeChannel } from '../addon.js';
import type { Message, TransferHandle } from '../contract.js';
import { isRawSystemError, systemError } from '../system-error.js';
import type { Lane, SendProgress } from './lane.js';
import { EndOnItsWay, departAll, type Named } from './pipes/end-on-its-way.js';
import { ReferenceOnItsWay } from './reference-on-its-way.js';
import { NativeTransferHandle } from './transfer-handle.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/** The kernel's bound (SCM_MAX_FD). */
const MAX_HANDLES_PER_MESSAGE = 253;

/** Where small messages are read to. As much as `Buffer.allocUnsafe` takes from its pool. */
const scratch = Buffer.allocUnsafeSlow(4095);

/** One end of a socket pair. Unclosed and unreachable, its descriptor is closed by the garbage collector. */
export class SocketLane implements Lane {
  readonly #addon: Addon;
  readonly #native: NativeChannel;
  readonly #give: (objects: readonly Named[]) => void;

  /**
   * Takes over `fd`, a connected stream socket. Objects in shared memory do not go through a socket: `give` sees to it, before the
   * message is sent, that the receiver finds them. It may be called again for the same ones.
   */
  constructor(
    addon: Addon,
    fd: number,
    onReady: () => void,
    give: (objects: readonly Named[]) => void = departAll,
  ) {
    this.#addon = addon;
    this.#native = new addon.NativeChannel(fd, onReady);
    this.#give = give;
  }

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

  readable(): boolean {
    return this.#native.readable();
  }

  begin({ bytes, handles }: Message): SendProgress {
    const fds = descriptorsOf(handles);
    const objects = handles.filter(isNamed);
    if (objects.length > 0) this.#give(objects);
    try {
      const done =
        fds.length === 0 ? this.#native.trySend(bytes) : this.#native.trySend(bytes, fds);
      if (!done && !this.#native.pending) return 'waiting';
      for (const handle of handles) {
        if (isNamed(handle)) handle.sent();
        else handle.discard();
      }
      return done ? 'done' : 'started';
    } catch (error) {
      throw describeSendError(error, bytes.byteLength);
    }
  }

  flush(): boolean {
    try {
      return this.#native.flush();
    } catch (error) {
      throw describeSendError(error, 0);
    }
  }

  waitSync(events: number, timeoutMs: number): boolean {
    return this.#native.waitSync(events, timeoutMs);
  }

  watch(events: number): void {
    this.#native.watch(events);
  }

  polled(events: number): PolledDescriptor {
    return { fd: this.#native.fd, events };
  }

  fileno(): number {
    return this.#native.fd;
  }

  toTransfer(): NativeTransferHandle {
    if (this.#native.pending || this.#native.holdsInput) {
      throw new StateError(
        'this end is in the middle of a message, and its new owner would begin with the rest of it: ' +
          'wait for the pending send or recv first',
      );
    }
    return new NativeTransferHandle(this.#addon, this.#native.duplicate());
  }

  close(): void {
    this.#native.close();
  }
}

function isNamed(handle: TransferHandle): handle is Named {
  return handle instanceof ReferenceOnItsWay || handle instanceof EndOnItsWay;
}

/** What travels beside the message; what is named in it does not. */
function descriptorsOf(handles: readonly TransferHandle[]): number[] {
  const fds: number[] = [];
  for (const handle of handles) {
    if (!isNamed(handle)) fds.push(NativeTransferHandle.of(handle).fd);
  }
  if (fds.length > MAX_HANDLES_PER_MESSAGE) {
    const expected = `at most ${MAX_HANDLES_PER_MESSAGE} (put the rest into another message)`;
    throw outOfRange('the number of handles in one message', expected, fds.length);
  }
  return fds;
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
