/** The line between a pool and one of its workers: one end here, one there. Used by nobody else, so a death concerns nobody else. */
import type { Channel, Message, StopListening, TransferHandle } from '../backend/contract.js';
import { backend } from '../backend/index.js';
import { forValue, lengthOf } from '../backend/message-head.js';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import { asBuffer } from '../base/bytes.js';
import { log } from '../base/log.js';
import type { Wait } from '../base/options.js';
import { scratch } from '../base/scratch.js';
import {
  BrokenPipeError,
  ClosedError,
  EndOfFileError,
  SerializationError,
  SystemError,
} from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import {
  joined,
  serialize,
  serializeInParts,
  serializeToScratch,
} from '../serialization/serializer.js';
import { discardUntaken, takeChannel, Transfer } from '../serialization/transfer.js';
import { decodeHeader, encodeHeader, HEADER_BYTES, type FrameHeader } from './frames.js';
import { ReceivedFrame, type Frame } from './received-frame.js';

const BOTH_WAYS = { readable: true, writable: true };

type PartialHeader = Partial<FrameHeader> & Pick<FrameHeader, 'kind'>;

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/** The pool's ends of all lines of this process. A forked child closes them: they are its parent's. */
const poolEnds = new Set<PoolLine>();
/** The workers' ends, until their workers have them. */
const workerEnds = new Set<PoolLine>();

resetAfterFork(AfterForkOrder.Services, (kind) => {
  if (kind === 'rehearsal') return;
  for (const line of poolEnds) line.close();
});

export class PoolLine {
  readonly #channel: Channel;
  #untold = false;

  private constructor(channel: Channel) {
    this.#channel = channel;
    refuseClone(this, 'PoolLine');
  }

  /** The pool's end and the worker's. */
  static pair(): [PoolLine, PoolLine] {
    const [ours, theirs] = backend().channelPair(true);
    const pair: [PoolLine, PoolLine] = [new PoolLine(ours), new PoolLine(theirs)];
    poolEnds.add(pair[0]);
    workerEnds.add(pair[1]);
    return pair;
  }

  /** In a worker: the ends of those that were being started beside it are not its own. */
  static keepOnly(...own: readonly PoolLine[]): void {
    for (const line of workerEnds) if (!own.includes(line)) line.close();
  }

  /** @internal */
  static reduce(line: PoolLine, transfer: Transfer): number | string {
    return transfer.addChannel(line.#channel.toTransfer());
  }

  /** @internal */
  static rebuild(key: unknown, handles: Parameters<typeof takeChannel>[0]): PoolLine {
    return new PoolLine(backend().channelFromTransfer(takeChannel(handles, key), BOTH_WAYS));
  }

  /** Whether both sides share memory, so that `mark` and `takeBack` can be used. */
  get isShared(): boolean {
    return this.#channel.shared !== undefined;
  }

  /**
   * What the other end sees of this one although no message says so, also when this process has died: of a worker the task that it has
   * begun. Does nothing where no memory is shared, and where the line is closed.
   */
  mark(mark: number): void {
    if (!this.#channel.closed) this.#channel.shared?.mark(mark);
  }

  /** What the other end has marked last; 0 before. */
  get marked(): number {
    return this.#channel.closed ? 0 : (this.#channel.shared?.marked() ?? 0);
  }

  /** The header of the oldest message that was sent and that the other end has not taken: it never arrives there. */
  takeBack(): FrameHeader | undefined {
    const message = this.#channel.closed ? undefined : this.#channel.shared?.takeBack();
    for (const handle of message?.handles ?? []) handle.discard();
    return message && decodeHeader(asBuffer(message.bytes));
  }

  /**
   * `value` is what errors call `what`. Undefined when it is sent, a promise while it waits for room. When nobody is left at the
   * other end the message is dropped: `recv` tells. Rejects with SerializationError, or what else is wrong with the message;
   * nothing was sent then. `untold`: whoever waits at the other end may sleep on, until `tell()` or the next message.
   */
  send(
    header: PartialHeader,
    value?: unknown,
    what = 'value',
    untold = false,
  ): Promise<void> | undefined {
    try {
      const whole = wholeOf(header);
      const bytes = this.isShared ? encodeToScratch(whole, value) : undefined;
      if (bytes === undefined) return this.#sendEncoded(whole, value, what);
      if (this.#channel.trySend({ bytes, handles: NO_HANDLES }, untold)) {
        this.#untold = untold;
        return undefined;
      }
      return this.#transmit({ bytes: Buffer.from(bytes), handles: NO_HANDLES });
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what was thrown, as it is
      return isGone(error) ? undefined : Promise.reject(error);
    }
  }

  /** The other end is woken for what was sent untold, if it was not since. */
  tell(): void {
    if (!this.#untold) return;
    this.#untold = false;
    if (!this.#channel.closed) this.#channel.shared?.tell();
  }

  /** The same for who does not wait for room. @throws SerializationError */
  post(header: PartialHeader, value?: unknown, what = 'value'): void {
    this.#transmit(this.#encode(wholeOf(header), value, what)).catch((error: unknown) => {
      log('a message of a pool could not be sent: %o', error);
    });
  }

  /** Why the value could not be sent, if it could not. */
  problemWith(value: unknown, what: string): SerializationError | undefined {
    const transfer = new Transfer();
    try {
      serialize(value, transfer, what);
      return undefined;
    } catch (error) {
      if (error instanceof SerializationError) return error;
      throw error;
    } finally {
      transfer.discard();
    }
  }

  /** The next message; undefined when the other end has gone and all was read. */
  async recv(wait: Wait = {}): Promise<Frame | undefined> {
    try {
      return new ReceivedFrame(await this.#channel.recv(wait, forValue));
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /**
   * Hands over each message from the event loop, which it keeps alive. `onGone`: the other end has gone and all was read, or this
   * one is closed already.
   */
  listen(onFrame: (frame: Frame) => void, onGone: () => void): StopListening {
    if (this.#channel.closed) {
      onGone();
      return () => undefined;
    }
    const listener = {
      message: (message: Message) => {
        onFrame(new ReceivedFrame(message));
      },
      ended: (error: unknown) => {
        if (!isGone(error)) log('the line of a pool broke: %o', error);
        onGone();
      },
    };
    return this.#channel.listen(listener, forValue);
  }

  /** The next message, if it is known to be here; undefined else: `recv` tells. */
  tryRecv(): Frame | undefined {
    try {
      const message = this.#channel.tryRecv(forValue);
      return message && new ReceivedFrame(message);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** The same, after having looked on for the moment that it would take to be woken, if that pays. Blocks. */
  awaitBriefly(): Frame | undefined {
    const isHere = !this.#channel.closed && this.#channel.shared?.lookOn() === true;
    return isHere ? this.tryRecv() : undefined;
  }

  /** Whether `recv` would answer at once, as far as that is known here. */
  look(): boolean {
    return !this.#channel.closed && this.#channel.look() === true;
  }

  /** Whether `recv` would answer at once. */
  async poll(): Promise<boolean> {
    return !this.#channel.closed && (await this.#channel.poll({ timeout: 0 }));
  }

  close(): void {
    poolEnds.delete(this);
    workerEnds.delete(this);
    this.#channel.close();
  }

  #sendEncoded(header: FrameHeader, value: unknown, what: string): Promise<void> | undefined {
    const message = this.#encode(header, value, what);
    const isInParts = message.lasting !== undefined;
    return isInParts && this.#channel.trySend(message) ? undefined : this.#transmit(message);
  }

  /** Long byte arrays are not copied here, but where they are to lie. */
  #encode(header: FrameHeader, value: unknown, what: string): Message {
    const before = Buffer.allocUnsafe(HEADER_BYTES);
    encodeHeader(before, header);
    if (value === undefined) return { bytes: before, handles: NO_HANDLES };
    const transfer = new Transfer();
    const { front, rest } = serializeInParts(value, transfer, what);
    const { handles } = transfer;
    const [bytes, ...more] = rest;
    if (bytes === undefined || handles.length > 0 || this.#channel.takesHead !== true) {
      return { bytes: joined([before, ...front], rest), handles };
    }
    const message = { bytes, front: joined([before, ...front], []), more, handles: NO_HANDLES };
    return { ...message, lasting: lengthOf(message) };
  }

  async #transmit(message: Message): Promise<void> {
    // What was sent has to be read before there is room.
    this.tell();
    try {
      await this.#channel.send(message, {});
    } catch (error) {
      discardUntaken(message.handles);
      if (!isGone(error)) throw error;
    }
  }
}

function wholeOf(header: PartialHeader): FrameHeader {
  const { kind, shape = 0, flags = 0, number = 0, taskId = 0, batch = 0 } = header;
  return { kind, shape, flags, number, taskId, batch };
}

/** Of a small plain value, in memory that the next message is written to. Undefined for others. */
function encodeToScratch(header: FrameHeader, value: unknown): Buffer | undefined {
  const end = value === undefined ? HEADER_BYTES : serializeToScratch(value, HEADER_BYTES);
  if (end < HEADER_BYTES || scratch.busy) return undefined;
  encodeHeader(scratch.bytes, header);
  return scratch.bytes.subarray(0, end);
}

/** What a worker needs of the end at which its tasks come. */
export type TaskLine = Pick<
  PoolLine,
  'awaitBriefly' | 'mark' | 'post' | 'problemWith' | 'recv' | 'send' | 'tell' | 'tryRecv'
>;

/** And of the other one. */
export type ControlLine = Pick<PoolLine, 'listen' | 'look' | 'poll' | 'recv'>;

const GONE = new Set(['EPIPE', 'ECONNRESET']);

function isGone(error: unknown): boolean {
  if (error instanceof SystemError) return GONE.has(error.code);
  return (
    error instanceof BrokenPipeError ||
    error instanceof EndOfFileError ||
    error instanceof ClosedError
  );
}

registerHandleReducer(
  'PoolLine',
  PoolLine as unknown as abstract new (...args: never[]) => PoolLine,
  {
    reduce: (line, transfer) => PoolLine.reduce(line, transfer),
    rebuild: (key: unknown, handles) => PoolLine.rebuild(key, handles),
  },
);
