import type { OnConsumerDied } from '../../queue-contract.js';
import type { Port, Queued } from '../broker-end.js';
import { costOf } from './memory.js';

/** Messages of a joinable queue that processes have, and have not said to be done with. */
export class Taken {
  readonly #redelivers: boolean;
  readonly #byPort = new Map<Port, Queued[]>();
  /** Of all of them. */
  #cost = 0;

  constructor(onConsumerDied: OnConsumerDied) {
    this.#redelivers = onConsumerDied === 'redeliver';
  }

  get cost(): number {
    return this.#cost;
  }

  has(port: Port): boolean {
    return this.#byPort.has(port);
  }

  /** Whether some may come back to be taken by this process. */
  mayComeBackTo(port: Port): boolean {
    return this.#redelivers && this.#byPort.size > (this.#byPort.has(port) ? 1 : 0);
  }

  /** Answers those that are not kept any more: what does not come back need not be. */
  add(port: Port, messages: readonly Queued[]): readonly Queued[] {
    const kept = this.#redelivers ? messages : messages.map(withoutContents);
    this.#cost += costOf(kept);
    const before = this.#byPort.get(port);
    if (before === undefined) this.#byPort.set(port, [...kept]);
    else before.push(...kept);
    return this.#redelivers ? [] : messages;
  }

  /** The process is done with one: its own oldest one, else the oldest of all. */
  finish(port: Port): Queued | undefined {
    const owner = this.#byPort.has(port) ? port : this.#ownerOfOldest();
    const messages = owner && this.#byPort.get(owner);
    const finished = messages?.shift();
    if (finished !== undefined) this.#cost -= costOf([finished]);
    if (owner !== undefined && messages?.length === 0) this.#byPort.delete(owner);
    return finished;
  }

  /** The process has ended. What comes back, or how many count as done. */
  bury(port: Port): { back: readonly Queued[]; done: number } {
    const messages = this.#byPort.get(port) ?? [];
    this.#byPort.delete(port);
    this.#cost -= costOf(messages);
    return this.#redelivers ? { back: messages, done: 0 } : { back: [], done: messages.length };
  }

  takeAll(): Queued[] {
    const all = [...this.#byPort.values()].flat();
    this.#byPort.clear();
    this.#cost = 0;
    return this.#redelivers ? all : [];
  }

  #ownerOfOldest(): Port | undefined {
    let oldest: { port: Port; seq: number } | undefined;
    for (const [port, [first]] of this.#byPort) {
      if (first === undefined || (oldest !== undefined && oldest.seq < first.seq)) continue;
      oldest = { port, seq: first.seq };
    }
    return oldest?.port;
  }
}

const NOTHING = new Uint8Array();

function withoutContents(message: Queued): Queued {
  return { ...message, bytes: NOTHING, handles: [] };
}
