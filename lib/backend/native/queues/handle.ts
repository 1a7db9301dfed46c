import { outOfRange, type Wait } from '../../../base/options.js';
import { READABLE, type Readiness } from '../../../base/readiness.js';
import {
  QueueOutcome,
  type Decode,
  type Decoded,
  type OnConsumerDied,
  type Outgoing,
  type QueueHandle,
  type QueueShape,
  type Taken,
  type TakenMany,
} from '../../queue-contract.js';
import { lengthOf } from '../../message-head.js';
import { systemError } from '../../system-error.js';
import type { CarriedOrHead, LongMessage } from '../queue-addon.js';
import type { Answer } from '../sync-addon.js';
import { NativeHandle, aborted, type Core } from '../sync/handle.js';
import { answered, ended, isReady } from './answers.js';
import { carriedAway, carriedBy } from './carried.js';
import type { IdleMemory } from './idle-memory.js';
import { NativeLoans } from './loans.js';
import { Nothing, decodeAlone, decoded, type Inbox } from './inbox.js';

/** The numbers of native/queues/queue_layout.h's OnConsumerDied. */
export const ON_CONSUMER_DIED: readonly (OnConsumerDied | undefined)[] = [
  undefined,
  'redeliver',
  'count',
];

/** So long, in milliseconds, a blocked thread relies on being woken before it looks whether the last writer has died. */
const SAFETY_MS = 100;

/** What becomes of messages that there were at once, and of what a wait has taken. */
interface GotAs<T> {
  readonly given: (messages: LongMessage[]) => T;
  readonly fetched: (wait: number) => T;
}

type Got<T> = T | QueueOutcome.TimedOut | QueueOutcome.Closed;

/** What every queue of this thread needs. */
export interface QueueCore extends Core {
  readonly inbox: Inbox;
  readonly memory: IdleMemory;
}

/** A queue in memory that processes share. */
export class NativeQueue extends NativeHandle implements QueueHandle {
  readonly shape: QueueShape;
  readonly #inbox: Inbox;
  readonly #memory: IdleMemory;
  readonly #core: QueueCore;
  #loans: NativeLoans | undefined;

  constructor(core: QueueCore, id: number) {
    super(core, 'queue', id);
    this.#inbox = core.inbox;
    this.#memory = core.memory;
    this.#core = core;
    const [maxSize, maxBytes, onConsumerDied] = this.native.queueShape(id);
    this.shape = { maxSize, maxBytes, onConsumerDied: ON_CONSUMER_DIED[onConsumerDied] };
  }

  // ---- putting

  put(message: Outgoing, wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    this.#checkLength(message);
    const rejected = aborted(wait);
    if (rejected) return rejected;
    const { bytes, carried, front, more } = partsOf(message);
    try {
      const request = wait.timeout === 0 ? this.#now : this.#inLine;
      const outcome = this.native.queuePut(request, bytes, carried, front, more);
      if (outcome !== 0 || wait.timeout === 0) return this.#put(message, outcome);
      const begun = this.native.queuePutAsync(this.id, bytes, carried, front, more);
      if (begun === undefined || begun >= 0) return this.#put(message, begun);
      return this.waits.add(-begun, this, wait, {
        value: (given, _, id) => this.#put(message, this.#checked(given, id, putFailed)),
        abortExpires: false,
      });
    } catch (error) {
      throw putFailed(error);
    }
  }

  putSync(message: Outgoing, timeoutMs: number): QueueOutcome {
    this.#checkLength(message);
    const { bytes, carried, front, more } = partsOf(message);
    try {
      const once = this.native.queuePut(this.#now, bytes, carried, front, more);
      if (once !== 0 || timeoutMs === 0) return this.#put(message, once);
      const { id, native } = this;
      return this.#put(message, native.queuePutSync(id, bytes, carried, front, more, timeoutMs));
    } catch (error) {
      throw putFailed(error);
    }
  }

  putScratch(count: number): number {
    const put = this.native.queuePutMany(this.#inLine, count);
    if (put > 0) this.#memory.put();
    return put;
  }

  #put(message: Outgoing, answer: Answer): QueueOutcome {
    const outcome = answered(answer);
    if (outcome !== QueueOutcome.Done) return outcome;
    this.#memory.put();
    if (typeof message !== 'number' && message.handles.length > 0) carriedAway(message.handles);
    return outcome;
  }

  #checkLength(message: Outgoing): void {
    const { maxBytes } = this.shape;
    if (maxBytes === 0) return;
    const length = typeof message === 'number' ? message : lengthOf(message);
    if (length <= maxBytes) return;
    throw outOfRange('item', `at most ${String(maxBytes)} bytes long`, length);
  }

  // ---- getting

  get<T>(decode: Decode<T>, wait: Wait): Taken<T> | Promise<Taken<T>> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (!this.#inbox.busy) {
      const taken = this.#inbox.take(wait.timeout === 0 ? this.#now : this.#inLine, decode);
      if (typeof taken === 'object') return taken;
      if (taken === Nothing.Ever) return QueueOutcome.Closed;
    }
    return this.#wait(1, wait, {
      given: (messages) => first(messages, decode),
      fetched: (id) => this.#inbox.fetch(id, decode),
    });
  }

  getSync<T>(decode: Decode<T>, timeoutMs: number): Taken<T> {
    if (!this.#inbox.busy) {
      const taken =
        timeoutMs === 0
          ? this.#inbox.take(this.#now, decode)
          : this.#inbox.takeSync(this.id, timeoutMs, decode);
      if (typeof taken === 'object') return taken;
      return taken === Nothing.Ever ? QueueOutcome.Closed : QueueOutcome.TimedOut;
    }
    const got = this.native.queueGetSync(this.id, 1, timeoutMs);
    return typeof got === 'number' ? ended(got) : first(got, decode);
  }

  getMany<T>(decode: Decode<T>, max: number, wait: Wait): TakenMany<T> | Promise<TakenMany<T>> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (!this.#inbox.busy) {
      const request = wait.timeout === 0 ? this.#now : this.#inLine;
      const taken = this.#inbox.takeMany(request, max, decode);
      if (typeof taken === 'object') return taken;
      if (taken === Nothing.Ever) return QueueOutcome.Closed;
    }
    return this.#wait(max, wait, {
      given: (messages) => all(messages, decode),
      fetched: (id) => this.#inbox.fetchMany(id, decode),
    });
  }

  getManySync<T>(decode: Decode<T>, max: number, timeoutMs: number): TakenMany<T> {
    if (!this.#inbox.busy) {
      const taken =
        timeoutMs === 0
          ? this.#inbox.takeMany(this.#now, max, decode)
          : this.#inbox.takeManySync(this.id, timeoutMs, max, decode);
      if (typeof taken === 'object') return taken;
      return taken === Nothing.Ever ? QueueOutcome.Closed : QueueOutcome.TimedOut;
    }
    const got = this.native.queueGetSync(this.id, max, timeoutMs);
    return typeof got === 'number' ? ended(got) : all(got, decode);
  }

  /** What was taken for a wait stays with the addon until it is fetched. */
  #wait<T>(max: number, wait: Wait, decoded: GotAs<T>): Got<T> | Promise<Got<T>> {
    if (wait.timeout === 0) {
      const got = this.native.queueGetSync(this.id, max, 0);
      return typeof got === 'number' ? ended(got) : decoded.given(got);
    }
    let begun: LongMessage[] | number;
    try {
      begun = this.native.queueGetAsync(this.id, max);
    } catch (error) {
      throw getFailed(error);
    }
    if (typeof begun !== 'number') return decoded.given(begun);
    if (begun > 0) return ended(begun);
    return this.waits.add<Got<T>>(-begun, this, wait, {
      value: (given, _, id) => {
        const outcome = this.#checked(given, id, getFailed);
        return outcome === QueueOutcome.Done ? decoded.fetched(id) : ended(outcome);
      },
      abortExpires: false,
    });
  }

  // ---- looking, finishing, closing

  poll(wait: Wait): boolean | Promise<boolean> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (this.native.queueLook(this.id) !== 0) return true;
    if (wait.timeout === 0) return false;
    const begun = this.#begin(() => this.native.queuePollAsync(this.id));
    if (begun === undefined || begun >= 0) return isReady(begun);
    return this.waits.add(-begun, this, wait, { value: isReady, abortExpires: false });
  }

  pollSync(timeoutMs: number): boolean {
    return isReady(this.native.queuePollSync(this.id, timeoutMs));
  }

  readiness(): Readiness {
    let armed = 0;
    return {
      look: () => this.native.queueLook(this.id) !== 0,
      wait: async (wait) => this.poll(wait),
      arm: () => {
        const begun = this.#begin(() => this.native.queuePollAsync(this.id)) ?? 0;
        // It is ready already, or is waited for like any other.
        if (begun < 0) armed = -begun;
        return { fd: this.native.bellArm(), events: READABLE, safetyMs: SAFETY_MS };
      },
      disarm: () => {
        this.native.bellDisarm();
        if (armed > 0) this.native.cancel(armed);
        armed = 0;
      },
    };
  }

  size(): number {
    return this.native.queueSize(this.id);
  }

  close(): void {
    this.native.queueCloseSide(this.id);
  }

  get closed(): boolean {
    return this.native.queueClosed(this.id);
  }

  leave(): void {
    this.native.queueLeave(this.id);
  }

  get loans(): NativeLoans {
    return (this.#loans ??= new NativeLoans(this.#core, this, this.id));
  }

  taskDone(): boolean {
    return this.native.queueTaskDone(this.id) ?? true;
  }

  unfinished(): number {
    return this.native.queueUnfinished(this.id);
  }

  abandoned(): number {
    return this.native.queueAbandoned(this.id);
  }

  join(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    if (this.unfinished() === 0) return QueueOutcome.Done;
    if (wait.timeout === 0) return QueueOutcome.TimedOut;
    const begun = this.#begin(() => this.native.queueJoinAsync(this.id));
    if (begun === undefined || begun >= 0) return answered(begun);
    return this.waits.add(-begun, this, wait, { value: answered, abortExpires: false });
  }

  joinSync(timeoutMs: number): QueueOutcome {
    return answered(this.native.queueJoinSync(this.id, timeoutMs));
  }

  /** As a request: tried at once, whoever waits. */
  get #now(): number {
    return this.id * 2;
  }

  /** As a request: behind those that wait here. */
  get #inLine(): number {
    return this.id * 2 + 1;
  }

  #begin(wait: () => Answer): Answer {
    try {
      return wait();
    } catch (error) {
      throw getFailed(error);
    }
  }

  /** How a wait has ended. @throws why it has failed. */
  #checked(outcome: number, id: number, failed: (error: unknown) => unknown): QueueOutcome {
    if (outcome in QueueOutcome) return outcome;
    try {
      this.native.queueFetch(id, 0);
    } catch (error) {
      throw failed(error);
    }
    return QueueOutcome.TimedOut;
  }
}

/** As the addon takes them. Nothing is kept of it once it has been put or waits: then it is copied. */
interface Parts {
  readonly bytes: Uint8Array | number;
  readonly carried: CarriedOrHead;
  readonly front: Uint8Array | undefined;
  readonly more: readonly Uint8Array[] | undefined;
}

function partsOf(message: Outgoing): Parts {
  if (typeof message === 'number')
    return { bytes: message, carried: undefined, front: undefined, more: undefined };
  const { bytes, head, front, more, handles } = message;
  return { bytes, carried: head ?? carriedBy(handles), front, more };
}

function first<T>(messages: readonly LongMessage[], decode: Decode<T>): { readonly value: T } {
  return { value: decodeAlone(messages[0]!, decode) };
}

function all<T>(messages: readonly LongMessage[], decode: Decode<T>): Decoded<T>[] {
  return messages.map((message) => decoded(message, decode));
}

function putFailed(error: unknown): unknown {
  return systemError('the message could not be put', error);
}

function getFailed(error: unknown): unknown {
  return systemError('nothing can be waited for', error);
}
