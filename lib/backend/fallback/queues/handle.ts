import { outOfRange, type Wait } from '../../../base/options.js';
import type { Readiness } from '../../../base/readiness.js';
import { SystemError } from '../../../errors.js';
import { copyFromScratch, scratch } from '../../../base/scratch.js';
import type { Message } from '../../contract.js';
import { whole } from '../../message-head.js';
import {
  QueueOutcome,
  type Decode,
  type Decoded,
  type Outgoing,
  type QueueHandle,
  type QueueShape,
  type Taken,
  type TakenMany,
} from '../../queue-contract.js';
import { blocking } from '../channel.js';
import type { Reference } from '../reference.js';
import { FallbackHandle } from '../sync/handles.js';
import type { Given, LocalQueue } from './local-queue.js';

/** A queue that the broker keeps. Where the broker is, in the first process, what needs no waiting needs no promise either. */
export class FallbackQueue extends FallbackHandle implements QueueHandle {
  readonly shape: QueueShape;
  readonly #queue: LocalQueue;

  constructor(reference: Reference) {
    super(reference, 'queue');
    this.#queue = this.object as LocalQueue;
    this.shape = this.object.made.shape as QueueShape;
  }

  put(outgoing: Outgoing, wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    const message = fromScratch(outgoing);
    this.#checkLength(message);
    return this.#queue.put(this, message, wait) as QueueOutcome | Promise<QueueOutcome>;
  }

  putSync(outgoing: Outgoing, timeoutMs: number): QueueOutcome {
    const message = fromScratch(outgoing);
    this.#checkLength(message);
    const put = (once: Wait): Given | Promise<Given> => this.#queue.put(this, message, once);
    return this.#now('putSync', 'put', { timeoutMs, ask: put }) as QueueOutcome;
  }

  putScratch(count: number): number {
    let put = 0;
    for (const bytes of copyFromScratch(count)) {
      if (this.shape.maxBytes > 0 && bytes.length > this.shape.maxBytes) break;
      const message = { bytes, handles: [] };
      if (!this.#isPutNow(message)) break;
      put += 1;
    }
    return put;
  }

  /** What is wrong with it is said by the next put. */
  #isPutNow(message: Message): boolean {
    try {
      const outcome = this.#queue.now((once) => this.#queue.put(this, message, once));
      return outcome === QueueOutcome.Done;
    } catch (error) {
      if (error instanceof SystemError) return false;
      throw error;
    }
  }

  get<T>(decode: Decode<T>, wait: Wait): Taken<T> | Promise<Taken<T>> {
    const given = this.#queue.take(this, 1, wait);
    return given instanceof Promise
      ? given.then((later) => decodeOne(later, decode))
      : decodeOne(given, decode);
  }

  getSync<T>(decode: Decode<T>, timeoutMs: number): Taken<T> {
    const take = (once: Wait): Given | Promise<Given> => this.#queue.take(this, 1, once);
    return decodeOne(this.#now('getSync', 'get', { timeoutMs, ask: take }), decode);
  }

  getMany<T>(decode: Decode<T>, max: number, wait: Wait): TakenMany<T> | Promise<TakenMany<T>> {
    const given = this.#queue.take(this, max, wait);
    return given instanceof Promise
      ? given.then((later) => decodeAll(later, decode))
      : decodeAll(given, decode);
  }

  getManySync<T>(decode: Decode<T>, max: number, timeoutMs: number): TakenMany<T> {
    const take = (once: Wait): Given | Promise<Given> => this.#queue.take(this, max, once);
    return decodeAll(this.#now('getManySync', 'getMany', { timeoutMs, ask: take }), decode);
  }

  poll(wait: Wait): boolean | Promise<boolean> {
    const given = this.#queue.await(this, 'ready', wait);
    return given instanceof Promise ? given.then(isDone) : isDone(given);
  }

  pollSync(timeoutMs: number): boolean {
    const look = (once: Wait): Given | Promise<Given> => this.#queue.await(this, 'ready', once);
    return isDone(this.#now('pollSync', 'poll', { timeoutMs, ask: look }));
  }

  readiness(): Readiness {
    return {
      // Only the broker knows.
      look: () => undefined,
      wait: async (wait) => this.poll(wait),
      arm: () => {
        throw blocking('waitSync', 'await wait()');
      },
    };
  }

  size(): number {
    return this.#queue.state.size;
  }

  close(): void {
    this.#queue.close();
  }

  get closed(): boolean {
    return this.#queue.closed;
  }

  taskDone(): boolean {
    return this.#queue.taskDone();
  }

  unfinished(): number {
    return this.#queue.state.unfinished;
  }

  abandoned(): number {
    return this.#queue.state.abandoned;
  }

  join(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    const given = this.#queue.await(this, 'done', wait);
    return given as QueueOutcome | Promise<QueueOutcome>;
  }

  joinSync(timeoutMs: number): QueueOutcome {
    const look = (once: Wait): Given | Promise<Given> => this.#queue.await(this, 'done', once);
    return this.#now('joinSync', 'join', { timeoutMs, ask: look }) as QueueOutcome;
  }

  #now(
    method: string,
    twin: string,
    { timeoutMs, ask }: { timeoutMs: number; ask: (once: Wait) => Given | Promise<Given> },
  ): Given {
    const answer = timeoutMs === 0 ? this.#queue.now(ask) : undefined;
    if (answer !== undefined) return answer;
    throw blocking(
      timeoutMs === 0 ? `${method} in a process that is not the first of the tree` : method,
      `await ${twin}(${timeoutMs === 0 ? '… { timeout: 0 }' : ''})`,
    );
  }

  #checkLength({ bytes }: Message): void {
    const { maxBytes } = this.shape;
    if (maxBytes === 0 || bytes.byteLength <= maxBytes) return;
    throw outOfRange('item', `at most ${String(maxBytes)} bytes long`, bytes.byteLength);
  }
}

function isDone(given: Given): boolean {
  return given === QueueOutcome.Done;
}

function decodeOne<T>(given: Given, decode: Decode<T>): Taken<T> {
  if (typeof given === 'number') return given as QueueOutcome.TimedOut | QueueOutcome.Closed;
  return { value: decoded(given[0] as Message, decode) };
}

function decoded<T>({ bytes, handles }: Message, decode: Decode<T>): T {
  const { buffer, byteOffset, length } = bytes;
  return decode(Buffer.from(buffer as ArrayBuffer, byteOffset, length), 0, length, handles);
}

/** What is sent later must stand still. */
function fromScratch(message: Outgoing): Message {
  if (typeof message !== 'number') return whole(message);
  return { bytes: Buffer.from(scratch.bytes.subarray(0, message)), handles: [] };
}

function decodeAll<T>(given: Given, decode: Decode<T>): TakenMany<T> {
  if (typeof given === 'number') return given as QueueOutcome.TimedOut | QueueOutcome.Closed;
  return given.map((message) => decodeEach(message, decode));
}

function decodeEach<T>(message: Message, decode: Decode<T>): Decoded<T> {
  try {
    return { value: decoded(message, decode) };
  } catch (error) {
    return { error };
  }
}
