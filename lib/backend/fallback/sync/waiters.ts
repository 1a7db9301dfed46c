import type { Port } from '../broker-end.js';
import { Fifo } from '../fifo.js';

interface Asker {
  readonly port: Port;
  readonly token: number;
}

/** Those who have asked, in the order of arrival, and found by who they are. */
export class Waiters<W extends Asker> {
  readonly #all = new Fifo<W>();
  readonly #byPort = new Map<Port, Map<number, W>>();

  get size(): number {
    return this.#all.size;
  }

  get first(): W | undefined {
    return this.#all.first;
  }

  push(waiter: W): void {
    this.#all.push(waiter);
    const { port, token } = waiter;
    const its = this.#byPort.get(port);
    if (its === undefined) this.#byPort.set(port, new Map([[token, waiter]]));
    else its.set(token, waiter);
  }

  find(port: Port, token: number): W | undefined {
    return this.#byPort.get(port)?.get(token);
  }

  hasOf(port: Port): boolean {
    return this.#byPort.has(port);
  }

  delete(waiter: W): boolean {
    if (!this.#all.delete(waiter)) return false;
    const its = this.#byPort.get(waiter.port);
    its?.delete(waiter.token);
    if (its?.size === 0) this.#byPort.delete(waiter.port);
    return true;
  }

  /** Takes all of a process. */
  takeOf(port: Port): W[] {
    const its = [...(this.#byPort.get(port)?.values() ?? [])];
    for (const waiter of its) this.delete(waiter);
    return its;
  }

  [Symbol.iterator](): IterableIterator<W> {
    return this.#all[Symbol.iterator]();
  }
}
