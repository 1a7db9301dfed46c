import type { Queued } from '../broker-end.js';

/** Taken places at the front are given up in one go when there are this many, and more than half. */
const GIVE_UP = 64;

/** The messages of a queue, oldest first, and how many bytes they have. */
export class Line {
  #messages: (Queued | undefined)[] = [];
  #front = 0;
  #bytes = 0;

  get length(): number {
    return this.#messages.length - this.#front;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(message: Queued): void {
    this.#messages.push(message);
    this.#bytes += message.bytes.byteLength;
  }

  /** The oldest. */
  shift(): Queued | undefined {
    const message = this.#messages[this.#front];
    if (message === undefined) return undefined;
    this.#messages[this.#front] = undefined;
    this.#front += 1;
    this.#bytes -= message.bytes.byteLength;
    if (this.#front >= GIVE_UP && this.#front * 2 > this.#messages.length) this.#pack();
    return message;
  }

  peek(): Queued | undefined {
    return this.#messages[this.#front];
  }

  /** Messages that come back go to their places. */
  putBack(messages: readonly Queued[]): void {
    if (messages.length === 0) return;
    this.#pack();
    this.#messages = [...messages, ...(this.#messages as Queued[])].sort((a, b) => a.seq - b.seq);
    for (const { bytes } of messages) this.#bytes += bytes.byteLength;
  }

  takeAll(): Queued[] {
    this.#pack();
    const all = this.#messages as Queued[];
    this.#messages = [];
    this.#bytes = 0;
    return all;
  }

  #pack(): void {
    this.#messages = this.#messages.slice(this.#front);
    this.#front = 0;
  }
}
