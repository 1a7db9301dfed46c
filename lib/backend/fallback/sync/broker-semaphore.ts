import { SyncOutcome } from '../../sync-contract.js';
import type { Port } from '../broker-end.js';
import { BrokerObject, type Waiter } from './broker-object.js';
import type { Act, SemaphoreState } from './state.js';

/** A counter of permits. A bounded one knows who has how many, so that those of the dead return. */
export class BrokerSemaphore extends BrokerObject<SemaphoreState> {
  readonly #taken = new Map<Port, number>();

  protected override hasStake(port: Port): boolean {
    return this.#taken.has(port);
  }

  protected serve(waiter: Waiter): boolean {
    if (this.state.value === 0) return false;
    this.#add(-1);
    this.#note(waiter.port, 1);
    this.give(waiter, SyncOutcome.Done);
    return true;
  }

  /** Whoever releases gives up permits of his own first; anybody may release those of others. */
  protected done(port: Port, act: Act): void {
    let left = act.do === 'post' ? act.permits : 0;
    for (const owner of [port, ...this.#taken.keys()]) {
      const given = Math.min(left, this.#taken.get(owner) ?? 0);
      this.#note(owner, -given);
      left -= given;
    }
    this.serveWaiting();
  }

  protected override takeBack({ port }: Waiter): void {
    this.#note(port, -1);
    this.#return(1);
  }

  protected override bury(port: Port): void {
    const lost = this.#taken.get(port) ?? 0;
    this.#taken.delete(port);
    this.#return(lost);
  }

  #return(permits: number): void {
    if (permits === 0) return;
    this.#add(Math.min(permits, this.state.bound - this.state.value));
    this.serveWaiting();
  }

  #add(permits: number): void {
    this.state = { ...this.state, value: this.state.value + permits };
  }

  #note(port: Port, permits: number): void {
    if (this.made.kind !== 'boundedSemaphore' || permits === 0) return;
    const taken = Math.max(0, (this.#taken.get(port) ?? 0) + permits);
    if (taken === 0) this.#taken.delete(port);
    else this.#taken.set(port, taken);
  }
}
