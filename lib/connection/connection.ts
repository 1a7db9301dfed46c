/** One end of a pipe between processes. */
import { inspect } from 'node:util';
import type { Channel, Message, Target, TransferHandle } from '../backend/contract.js';
import { backend } from '../backend/index.js';
import { forLoan, forValue, forValueAtOnce } from '../backend/message-head.js';
import { isAborted } from '../base/abort-signal.js';
import { Deadline } from '../base/deadline.js';
import { FOR_EVER, invalidType, readSyncTimeout, readWait, WAIT } from '../base/options.js';
import type { SyncWait, Wait } from '../base/options.js';
import { READINESS, type HasReadiness, type Readiness } from '../base/readiness.js';
import { ClosedError, EndOfFileError, StateError } from '../errors.js';
import { Loan, type Lender } from '../loans/loan.js';
import type { LoanedItem } from '../loans/loaned-item.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { discardUntaken, takeChannel } from '../serialization/transfer.js';
import {
  bytesToFill,
  bytesToSend,
  fill,
  fillOffset,
  LIMITED,
  maxLength,
  RECEIVE_INTO,
  SEND_BYTES,
  withinLength,
} from './byte-arguments.js';
import type { LengthLimit, ReceiveIntoOptions, SendBytesOptions } from './byte-arguments.js';
import { endsGoByArguments } from './given-ends.js';
import { lenderOf } from './lender.js';
import { decode, decodeLoaned, encode, outOfScratch, plainBytes } from './messages.js';

const TAG = 'Connection';
const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/**
 * Sends and receives values, or plain bytes, in whole messages; a value is one message of bytes too. Made by `Pipe()`. It can
 * itself be sent to another process, which then has an end of its own: this one stays open.
 *
 * One process at a time may read from an end, and one may write to it; several need a lock among them, or a Queue. Every
 * process closes the ends that it does not use: a reader sees the end of the stream when the last copy of the other end is
 * closed.
 */
export class Connection<In = unknown, Out = In>
  implements AsyncIterable<In>, Disposable, AsyncDisposable, HasReadiness
{
  readonly #channel: Channel;
  #withheld = false;

  private constructor(channel: Channel) {
    if (typeof (channel as Partial<Channel> | undefined)?.toTransfer !== 'function') {
      throw invalidType('channel', 'a channel of the backend (Pipe() makes connections)', channel);
    }
    this.#channel = channel;
    refuseClone(this, TAG);
  }

  /** @internal */
  static over<In, Out>(channel: Channel): Connection<In, Out> {
    return new Connection<In, Out>(channel);
  }

  /**
   * Resolves when the value is on its way to the other end, without blocking; it was encoded at the call. Natively that is when it is in
   * the pipe, which has room for 1,024 messages and 256 KiB at a time, and when it is empty for one of any length. After the timeout
   * (milliseconds), or when the signal is aborted, nothing was sent; a message that was begun on a socket is finished. Python: `send(obj)`.
   * @throws SerializationError before anything is sent; BrokenPipeError when nobody is left to read it.
   */
  async send(value: Out, wait: Wait = FOR_EVER): Promise<void> {
    const limits = readWait('wait', wait);
    this.#check('writable');
    const takesHead = this.#channel.takesHead === true;
    let message = encode(value, takesHead);
    if (typeof message === 'number') {
      if (takesHead && !isAborted(limits.signal) && this.#channel.trySend(message)) return;
      message = outOfScratch(message);
    }
    try {
      await this.#channel.send(message, limits);
    } catch (error) {
      discardUntaken(message.handles);
      throw error;
    }
  }

  sendSync(value: Out): void {
    this.#check('writable');
    const takesHead = this.#channel.takesHead === true;
    let message = encode(value, takesHead);
    // What is blocked here writes nothing there meanwhile.
    if (typeof message === 'number' && !takesHead) message = outOfScratch(message);
    try {
      this.#channel.sendSync(message, Deadline.after(undefined));
    } catch (error) {
      if (typeof message !== 'number') discardUntaken(message.handles);
      throw error;
    }
  }

  /**
   * The next value.
   * @throws EndOfFileError when the other end is closed and all was read; TimeoutError; SerializationError when the message
   * cannot be understood here, after which the next one can be received.
   */
  async recv(wait: Wait = FOR_EVER): Promise<In> {
    const limits = readWait('wait', wait);
    this.#check('readable');
    return decode(await this.#channel.recv(limits, forValue)) as In;
  }

  recvSync(wait?: SyncWait): In {
    return decode(this.#receiveSync(wait, forValueAtOnce)) as In;
  }

  /**
   * Is there something to receive (the end of the stream counts)? Answers at once unless told how long to wait: `Infinity`
   * waits for ever.
   */
  async poll(wait: Wait = FOR_EVER): Promise<boolean> {
    const { timeout = 0, signal } = readWait('wait', wait);
    this.#check('readable');
    return this.#channel.poll({ timeout, signal });
  }

  pollSync(wait?: SyncWait): boolean {
    const timeout = readSyncTimeout('wait', wait) ?? 0;
    this.#check('readable');
    return this.#channel.pollSync(Deadline.after(timeout));
  }

  /**
   * Memory for a value that is a byte array, to be written where it will lie: see `Loan`. Never waits, and is not bounded by what has room
   * in the pipe. Where there is none to be lent (the fallback backend, pipes kept by sockets, runtimes without views of foreign memory) it
   * is copied by `sendLoan`, and all else is the same. No twin in Python.
   * @param size In bytes, at most 4 GiB - 17.
   * @throws TypeError and RangeError for another size; ClosedError; StateError for an end that only receives; SystemError when memory has
   * run out.
   */
  loan(size: number): Loan {
    return Loan.from(this.#lender, size);
  }

  /**
   * Sends what was written into the loan, without a copy and in its turn among what is sent; the other end receives a Uint8Array. Nobody
   * here sees its bytes any more from the call on, and nothing else may still read or write them then, such as a pending `fs.read`.
   * @param wait.timeout Milliseconds. Absent waits for ever, 0 tries once.
   * @param wait.signal Ends the wait.
   * @returns A promise that resolves when it is on its way, as that of `send` does, without blocking.
   * @throws (as rejections, nothing was sent, and the loan can be sent once more, or released) BrokenPipeError; TimeoutError; the
   * signal's reason; ClosedError; SystemError when memory has run out; StateError for a loan that was sent or released, of another
   * connection, of the process that this one was forked from, or whose memory was transferred away; TypeError and RangeError for arguments.
   */
  async sendLoan(loan: Loan, wait: Wait = FOR_EVER): Promise<void> {
    const limits = readWait('wait', wait);
    const its = Loan.use(loan, this.#lender);
    this.#check('writable');
    await Loan.put(its, limits);
  }

  /**
   * The same, blocking the thread while there is no room, for as long as it takes. The event loop stands still meanwhile, so somebody else
   * must be there to receive. @throws NotSupportedError on the fallback backend, beside what `sendLoan` throws; the loan is as before.
   */
  sendLoanSync(loan: Loan): void {
    const its = Loan.use(loan, this.#lender);
    this.#check('writable');
    Loan.putSync(its, Infinity);
  }

  /**
   * The next value as `recv` has it, but that a long byte array (16 KiB or more), whoever has sent it how, stays in the pipe's memory until
   * it is released. It takes no room in the pipe meanwhile, and closing the connection leaves it. Does not block. No twin in Python.
   * @param wait.timeout Milliseconds. Absent waits for ever, 0 tries once.
   * @param wait.signal Ends the wait.
   * @throws (as rejections) EndOfFileError when the other end is closed and all was read; TimeoutError; the signal's reason;
   * SerializationError when the message cannot be understood here, after which the next one can be received; ClosedError; StateError for
   * an end that only sends; TypeError and RangeError for arguments; a system error when nothing can be waited for.
   */
  async recvLoan(wait: Wait = FOR_EVER): Promise<LoanedItem<In>> {
    const limits = readWait('wait', wait);
    this.#check('readable');
    return decodeLoaned(await this.#channel.recv(limits, forLoan)) as LoanedItem<In>;
  }

  /** The same, blocking the thread until there is one. @throws NotSupportedError on the fallback backend, beside what `recvLoan` throws. */
  recvLoanSync(wait?: SyncWait): LoanedItem<In> {
    return decodeLoaned(this.#receiveSync(wait, forLoan)) as LoanedItem<In>;
  }

  /**
   * The bytes as they are, or a part of them. They must not be changed until the promise resolves. Python: `send_bytes(buf, offset, size)`.
   * @throws TypeError and RangeError for arguments; BrokenPipeError; TimeoutError.
   */
  async sendBytes(bytes: ArrayBufferView, options?: SendBytesOptions & Wait): Promise<void> {
    const part = bytesToSend(bytes, options, SEND_BYTES);
    const limits = readWait('options', options, SEND_BYTES);
    this.#check('writable');
    await this.#channel.send({ bytes: part, handles: NO_HANDLES }, limits);
  }

  sendBytesSync(bytes: ArrayBufferView, options?: SendBytesOptions): void {
    const part = bytesToSend(bytes, options);
    this.#check('writable');
    this.#channel.sendSync({ bytes: part, handles: NO_HANDLES }, Deadline.after(undefined));
  }

  /**
   * The next message as bytes.
   * @throws BufferTooShortError when it is longer than `maxLength`. It carries the message, and the connection goes on; in
   * Python the connection is lost.
   */
  async recvBytes(options: LengthLimit & Wait = FOR_EVER): Promise<Buffer> {
    const limits = readWait('options', options, LIMITED);
    const most = maxLength(options);
    this.#check('readable');
    return withinLength(plainBytes(await this.#channel.recv(limits)), most);
  }

  recvBytesSync(options?: LengthLimit & SyncWait): Buffer {
    const most = maxLength(options);
    return withinLength(plainBytes(this.#receiveSync(options, undefined, LIMITED)), most);
  }

  /**
   * The next message, written into `target` from the offset on; answers its length in bytes.
   * @throws BufferTooShortError when it does not fit. It carries the message, and the connection goes on.
   */
  async recvBytesInto(
    target: ArrayBufferView,
    options?: ReceiveIntoOptions & Wait,
  ): Promise<number> {
    const offset = fillOffset(options);
    bytesToFill(target, offset);
    const limits = readWait('options', options, RECEIVE_INTO);
    this.#check('readable');
    // It may have been changed, or taken away, when the message comes.
    const room = (): Buffer => bytesToFill(target, offset);
    const bytes = plainBytes(await this.#channel.recv(limits, room));
    return fill(room(), bytes);
  }

  recvBytesIntoSync(target: ArrayBufferView, options?: ReceiveIntoOptions & SyncWait): number {
    const room = bytesToFill(target, fillOffset(options));
    return fill(room, plainBytes(this.#receiveSync(options, () => room, RECEIVE_INTO)));
  }

  /**
   * A descriptor for programs that poll several things: readable while there is input or the end of the stream, as far as the event
   * loop has come to see it, so not for blocking this thread (see `waitSync`). Another process that reads from the same end may have been faster.
   * That of an end that only sends is never readable. Nothing is to be read from it or written to it; it stays the connection's, which has
   * to be closed from then on. Does not wait. Python: `fileno()`, through which the messages go there.
   * @throws NotSupportedError on the fallback backend; SystemError when there is no descriptor left; ClosedError.
   */
  fileno(): number {
    this.#check();
    return this.#channel.fileno();
  }

  /** Idempotent. Whoever waits gets ClosedError. Python: `close()`. */
  close(): void {
    this.#channel.close();
  }

  get closed(): boolean {
    return this.#channel.closed;
  }

  get readable(): boolean {
    return this.#channel.readable;
  }

  get writable(): boolean {
    return this.#channel.writable;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a rejection instead of a throw, as the protocol has it
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Every value until the other end is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    for (;;) {
      let value: In;
      try {
        value = await this.recv();
      } catch (error) {
        if (error instanceof EndOfFileError) return;
        throw error;
      }
      yield value;
    }
  }

  /** For `wait()` and `waitSync()`: ready when a receive would not wait. */
  [READINESS](): Readiness {
    this.#check('readable');
    const channel = this.#channel;
    return {
      look: () => channel.look(),
      wait: (wait) => channel.poll(wait),
      arm: () => channel.polled(),
      disarm: () => channel.unpolled?.(),
    };
  }

  [inspect.custom](): string {
    const { readable, writable } = this;
    const way = readable && writable ? 'duplex' : readable ? 'receives' : 'sends';
    return `Connection { ${way}${this.closed ? ', closed' : ''} }`;
  }

  get #lender(): Lender {
    return lenderOf(this.#channel, () => {
      this.#check('writable');
    });
  }

  #receiveSync(wait: SyncWait | undefined, target?: Target, known = WAIT): Message {
    const timeout = readSyncTimeout('wait', wait, known);
    this.#check('readable');
    return this.#channel.recvSync(Deadline.after(timeout), target);
  }

  #check(direction?: 'readable' | 'writable'): void {
    if (this.#withheld) {
      throw new ClosedError(
        'this process was not given this end of the pipe: ends of it were arguments of a process, ' +
          'so a forked process has only those that are among its own args (initArgs of a pool)',
      );
    }
    if (this.closed) throw new ClosedError('this connection is closed');
    if (direction === undefined || this[direction]) return;
    const [can, cannot] = direction === 'readable' ? ['sends', 'receive'] : ['receives', 'send'];
    throw new StateError(
      `this connection only ${can}: ${cannot} on the other end of the pipe, or make the pipe with Pipe({ duplex: true })`,
    );
  }

  static {
    endsGoByArguments((end) => {
      if (!(end instanceof Connection)) return;
      end.close();
      end.#withheld = true;
    });
    registerHandleReducer<Connection<never, never>, Reduced>(TAG, Connection as never, {
      reduce(connection, transfer) {
        connection.#check();
        const { readable, writable } = connection;
        const handle = transfer.addChannel(connection.#channel.toTransfer());
        return { handle, readable, writable };
      },
      rebuild({ handle, readable, writable }, handles) {
        const mode = { readable: readable === true, writable: writable === true };
        return new Connection(backend().channelFromTransfer(takeChannel(handles, handle), mode));
      },
    });
  }
}

interface Reduced {
  handle: number | string;
  readable: boolean;
  writable: boolean;
}
