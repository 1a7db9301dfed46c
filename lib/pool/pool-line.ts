/** The line between a pool and one of its workers: one end here, one there. Used by nobody else, so a death concerns nobody else. */
import type { Channel } from '../backend/contract.js';
import { backend } from '../backend/index.js';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import type { Wait } from '../base/options.js';
import {
  BrokenPipeError,
  ClosedError,
  EndOfFileError,
  SerializationError,
  SystemError,
} from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { deserialize, serialize } from '../serialization/serializer.js';
import { takeChannel, Transfer } from '../serialization/transfer.js';
import { decodeHeader, encodeFrame, HEADER_BYTES, type FrameHeader } from './frames.js';

const BOTH_WAYS = { readable: true, writable: true };

export interface Frame extends FrameHeader {
  /** The value behind the header. To be read once. @throws SerializationError */
  read(): unknown;
}

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
  static keepOnly(own: PoolLine): void {
    for (const line of workerEnds) if (line !== own) line.close();
  }

  /** @internal */
  static reduce(line: PoolLine, transfer: Transfer): number | string {
    return transfer.addChannel(line.#channel.toTransfer());
  }

  /** @internal */
  static rebuild(key: unknown, handles: Parameters<typeof takeChannel>[0]): PoolLine {
    return new PoolLine(backend().channelFromTransfer(takeChannel(handles, key), BOTH_WAYS));
  }

  /**
   * `value` is what errors call `what`. When nobody is left at the other end the message is dropped: `recv` tells.
   * @throws SerializationError, or what else is wrong with the message; nothing was sent then.
   */
  async send(
    header: Partial<FrameHeader> & Pick<FrameHeader, 'kind'>,
    value?: unknown,
    what = 'value',
  ): Promise<void> {
    const transfer = new Transfer();
    const body = value === undefined ? undefined : serialize(value, transfer, what);
    const bytes = encodeFrame({ shape: 0, number: 0, taskId: 0, ...header }, body);
    try {
      await this.#channel.send({ bytes, handles: transfer.handles }, {});
    } catch (error) {
      transfer.discard();
      if (!isGone(error)) throw error;
    }
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
      const { bytes, handles } = await this.#channel.recv(wait);
      const read = (): unknown => {
        if (bytes.length === HEADER_BYTES) return undefined;
        return deserialize(bytes.subarray(HEADER_BYTES), handles, { owned: true });
      };
      return { ...decodeHeader(bytes), read };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
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
}

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
