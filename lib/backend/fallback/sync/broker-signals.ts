import { SyncOutcome } from '../../sync-contract.js';
import type { Port } from '../broker-end.js';
import { BrokerObject, type Waiter } from './broker-object.js';
import type { Act, ConditionState, EventState } from './state.js';

/** Who waits is woken by number, those first who came first. */
export class BrokerCondition extends BrokerObject<ConditionState> {
  protected serve(): boolean {
    return false;
  }

  protected done(_port: Port, act: Act): void {
    if (act.do === 'notify') this.#notify(act.count);
  }

  protected override takeBack(): void {
    this.#notify(1);
  }

  #notify(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const { first } = this.waiting;
      if (first === undefined) return;
      this.waiting.delete(first);
      this.give(first, SyncOutcome.Done);
    }
  }
}

/** A flag that wakes everybody. */
export class BrokerEvent extends BrokerObject<EventState> {
  protected serve(waiter: Waiter): boolean {
    if (this.state.set) this.answer(waiter, SyncOutcome.Done);
    return this.state.set;
  }

  protected done(): void {
    this.serveWaiting();
  }
}
