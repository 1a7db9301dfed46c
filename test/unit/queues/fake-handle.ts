// A queue of a backend, in this process, that notes what it is asked and answers as it is told.
import type { Readiness } from '../../../lib/base/readiness.js';
import type { Message } from '../../../lib/backend/contract.js';
import {
  QueueOutcome,
  type Decode,
  type Decoded,
  type Outgoing,
  type QueueHandle,
  type QueueShape,
  type Taken,
  type TakenMany,
} from '../../../lib/backend/queue-contract.js';
import type { Wait } from '../../../lib/base/options.js';
import { copyFromScratch, scratch } from '../../../lib/base/scratch.js';
import { ArrivedQueue } from '../../../lib/queues/arrived.js';
import { Queue } from '../../../lib/queues/queue.js';

export class FakeHandle implements QueueHandle {
  readonly shape: QueueShape;
  readonly messages: Message[] = [];
  readonly calls: string[] = [];
  closed = false;
  /** What a put answers from now on, in place of putting. */
  refusal: QueueOutcome | Promise<QueueOutcome> | Error | undefined;
  /** So many fit. */
  room = Infinity;

  constructor(shape: Partial<QueueShape> = {}) {
    this.shape = { maxSize: 0, maxBytes: 0, onConsumerDied: undefined, ...shape };
  }

  put(message: Outgoing, wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    this.calls.push(`put ${String(wait.timeout)}`);
    return this.#put(message);
  }

  putSync(message: Outgoing, timeoutMs: number): QueueOutcome {
    this.calls.push(`putSync ${String(timeoutMs)}`);
    return this.#put(message) as QueueOutcome;
  }

  putScratch(count: number): number {
    const put = Math.min(count, this.room - this.messages.length);
    this.calls.push(`putScratch ${String(count)}: ${String(put)}`);
    const copies = [...copyFromScratch(put)];
    this.messages.push(...copies.map((bytes) => ({ bytes, handles: [] })));
    return put;
  }

  get<T>(decode: Decode<T>): Taken<T> | Promise<Taken<T>> {
    this.calls.push('get');
    return this.#take(decode);
  }

  getSync<T>(decode: Decode<T>, timeoutMs: number): Taken<T> {
    this.calls.push(`getSync ${String(timeoutMs)}`);
    return this.#take(decode);
  }

  getMany<T>(decode: Decode<T>, max: number): TakenMany<T> {
    this.calls.push(`getMany ${String(max)}`);
    if (this.messages.length === 0) return this.#nothing;
    return this.messages.splice(0, max).map((message): Decoded<T> => {
      try {
        return { value: decoded(message, decode) };
      } catch (error) {
        return { error };
      }
    });
  }

  getManySync<T>(decode: Decode<T>, max: number): TakenMany<T> {
    return this.getMany(decode, max);
  }

  poll(): boolean {
    return this.pollSync();
  }

  pollSync(): boolean {
    return this.messages.length > 0;
  }

  readiness(): Readiness {
    throw new Error('nothing is waited for together with it');
  }

  size(): number {
    return this.messages.length;
  }

  close(): void {
    this.closed = true;
  }

  taskDone(): boolean {
    return false;
  }

  unfinished(): number {
    return 0;
  }

  abandoned(): number {
    return 0;
  }

  join(): QueueOutcome {
    return QueueOutcome.Done;
  }

  joinSync(): QueueOutcome {
    return QueueOutcome.Done;
  }

  toTransfer(): never {
    throw new Error('it stays here');
  }

  get #nothing(): QueueOutcome.TimedOut | QueueOutcome.Closed {
    return this.closed ? QueueOutcome.Closed : QueueOutcome.TimedOut;
  }

  #put(outgoing: Outgoing): QueueOutcome | Promise<QueueOutcome> {
    if (this.refusal instanceof Error) throw this.refusal;
    if (this.refusal !== undefined) return this.refusal;
    if (this.closed) return QueueOutcome.Closed;
    if (this.messages.length >= this.room) return QueueOutcome.TimedOut;
    this.messages.push(
      typeof outgoing === 'number'
        ? { bytes: Buffer.from(scratch.bytes.subarray(0, outgoing)), handles: [] }
        : outgoing,
    );
    return QueueOutcome.Done;
  }

  #take<T>(decode: Decode<T>): Taken<T> {
    const message = this.messages.shift();
    return message === undefined ? this.#nothing : { value: decoded(message, decode) };
  }
}

function decoded<T>({ bytes, handles }: Message, decode: Decode<T>): T {
  return decode(Buffer.from(bytes), 0, bytes.length, handles);
}

export function queueOver<T>(handle: QueueHandle): Queue<T> {
  return new Queue<T>(new ArrivedQueue(handle) as never);
}
