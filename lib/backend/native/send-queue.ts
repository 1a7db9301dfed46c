import type { Wait } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import { SerializationError, TimeoutError } from '../../errors.js';
import type { Message } from '../contract.js';
import { lengthOf } from '../message-head.js';
import type { Lane } from './lane.js';

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
  readonly #lane: Lane;
  readonly #onTakenBack: () => void;
  readonly #entries = new Set<Entry>();

  constructor(lane: Lane, onTakenBack: () => void) {
    this.#lane = lane;
    this.#onTakenBack = onTakenBack;
  }

  get size(): number {
    return this.#entries.size;
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
    if (entry.started) return this.#lane.flush();
    checkLength(entry.message);
    const progress = this.#lane.begin(entry.message);
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

/** Of bytes that were not copied: they may have been transferred away, or be fewer or more. */
function checkLength(message: Message): void {
  if (message.lasting === undefined || message.lasting === lengthOf(message)) return;
  throw new SerializationError(
    'a byte array was taken away or has another length now: while it waits to be sent its memory must stay as it is',
    'value',
  );
}

export function timedOut(): never {
  throw new TimeoutError('the time to send has passed: the other end does not read');
}
