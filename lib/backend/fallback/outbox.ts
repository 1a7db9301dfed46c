import type { Message } from '../contract.js';
import type { Wait } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import { BrokenPipeError, type ClosedError, TimeoutError } from '../../errors.js';
import { Fifo } from './fifo.js';
import { CHANNEL_WINDOW, cost, type EndId } from './frames.js';
import type { Liveness } from '../../base/liveness.js';

interface Departing {
  readonly owner: object;
  readonly message: Message;
  readonly turn: PendingWait<Promise<void>>;
}

interface Carrier {
  readonly liveness: Liveness;
  dispatch(end: EndId, message: Message): Promise<void>;
}

/** What this process sends from an end: in order, and no more at a time than the broker should have to keep. */
export class Outbox {
  readonly #end: EndId;
  readonly #carrier: Carrier;
  #broken = false;
  /** A message begins while some is left, however long it is: the longest passes, alone. */
  #credit = CHANNEL_WINDOW;
  readonly #departing = new Fifo<Departing>();

  constructor(end: EndId, carrier: Carrier) {
    this.#end = end;
    this.#carrier = carrier;
  }

  /** The signal has not fired yet. */
  send(owner: object, message: Message, wait: Wait): Promise<void> {
    if (this.#broken) return Promise.reject(brokenPipe());
    if (this.#credit > 0 && this.#departing.size === 0) return this.#begin(message);
    if (wait.timeout === 0) return Promise.reject(full(0));
    const { liveness } = this.#carrier;
    const timedOut = (): never => {
      throw full(wait.timeout ?? 0);
    };
    liveness.hold();
    const turn = new PendingWait<Promise<void>>(wait, timedOut, () => {
      this.#departing.delete(departing);
      liveness.release();
    });
    const departing = { owner, message, turn };
    this.#departing.push(departing);
    return turn.promise.then((sent) => sent);
  }

  /** The broker has handed on this much of what was sent. */
  credited(size: number): void {
    this.#credit = Math.min(CHANNEL_WINDOW, this.#credit + size);
    while (this.#credit > 0) {
      const next = this.#departing.first;
      if (next === undefined) return;
      next.turn.resolve(this.#begin(next.message));
    }
  }

  /** Nobody is left who could receive. */
  breakPipe(): void {
    this.#broken = true;
    for (const { turn } of [...this.#departing]) turn.reject(brokenPipe());
  }

  /** The channel is closed. What has begun is finished. */
  abandon(closed: object, error: ClosedError): void {
    for (const { turn, owner } of [...this.#departing]) if (owner === closed) turn.reject(error);
  }

  #begin(message: Message): Promise<void> {
    this.#credit -= cost(message);
    return this.#carrier.dispatch(this.#end, message);
  }
}

export function brokenPipe(): BrokenPipeError {
  return new BrokenPipeError(
    'the other end of the channel is closed: nobody is left to receive this',
  );
}

function full(timeoutMs: number): TimeoutError {
  return new TimeoutError(
    `the message could not be sent within ${timeoutMs} ms: earlier ones have not been received`,
  );
}
