import type { Wait } from '../../base/options.js';
import { PendingWait } from '../../base/wait.js';
import { TimeoutError } from '../../errors.js';
import type { Message, Target } from '../contract.js';
import type { Lane } from './lane.js';

/** Those who wait for messages of one end, in order, and those who wait for one to be there. */
export class ReceiveQueue {
  readonly #lane: Lane;
  readonly #onTakenBack: () => void;
  /** With where the message is to go. */
  readonly #receivers = new Map<PendingWait<Message>, Target | undefined>();
  readonly #pollers = new Set<PendingWait<boolean>>();

  constructor(lane: Lane, onTakenBack: () => void) {
    this.#lane = lane;
    this.#onTakenBack = onTakenBack;
  }

  /** How many wait, of either kind. */
  get size(): number {
    return this.#receivers.size + this.#pollers.size;
  }

  /** How many messages are spoken for. */
  get receivers(): number {
    return this.#receivers.size;
  }

  /** Would the next receiver not have to wait? */
  ready(): boolean {
    return this.#receivers.size === 0 && this.#lane.readable();
  }

  addReceiver(wait: Wait, target: Target | undefined): Promise<Message> {
    const receiver: PendingWait<Message> = new PendingWait<Message>(wait, noMessage, () => {
      if (this.#receivers.delete(receiver)) this.#onTakenBack();
    });
    this.#receivers.set(receiver, target);
    return receiver.promise;
  }

  addPoller(wait: Wait): Promise<boolean> {
    const poller: PendingWait<boolean> = new PendingWait<boolean>(
      wait,
      () => false,
      () => {
        if (this.#pollers.delete(poller)) this.#onTakenBack();
      },
    );
    this.#pollers.add(poller);
    return poller.promise;
  }

  /** Hands out what has arrived. */
  pump(): void {
    for (const [receiver, target] of this.#receivers) {
      try {
        const message = this.#lane.take(target?.());
        if (message === undefined) return;
        this.#receivers.delete(receiver);
        receiver.resolve(message);
      } catch (error) {
        this.#receivers.delete(receiver);
        receiver.reject(error);
      }
    }
    if (this.#pollers.size === 0 || !this.#lane.readable()) return;
    for (const poller of this.#pollers) {
      this.#pollers.delete(poller);
      poller.resolve(true);
    }
  }

  rejectAll(reason: unknown): void {
    for (const waiting of [...this.#receivers.keys(), ...this.#pollers]) waiting.reject(reason);
  }

  /** After a fork: they are the parent's. */
  drop(): void {
    this.#receivers.clear();
    this.#pollers.clear();
  }
}

export function noMessage(): never {
  throw new TimeoutError('no message has come in time');
}
