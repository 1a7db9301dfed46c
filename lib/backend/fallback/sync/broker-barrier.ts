import { SyncOutcome } from '../../sync-contract.js';
import type { Port } from '../broker-end.js';
import { BrokerObject, type Waiter } from './broker-object.js';
import type { Act, BarrierState } from './state.js';
import { Waiters } from './waiters.js';

/** `waiting` of the base are those who came while the action ran: they arrive when it has ended. */
export class BrokerBarrier extends BrokerObject<BarrierState> {
  #arrived = new Waiters<Waiter>();
  /** The last to arrive, which runs the action. */
  #leader: Waiter | undefined;

  protected serve(waiter: Waiter): boolean {
    if (waiter.want.to !== 'wait') {
      this.#finish(waiter);
      return true;
    }
    if (this.state.broken) this.answer(waiter, SyncOutcome.Broken);
    else if (this.#leader !== undefined) return false;
    else this.#arrive(waiter);
    return true;
  }

  protected done(_port: Port, act: Act): void {
    this.#breakUp(act.do === 'abort');
  }

  /** Whoever gives up takes the barrier along. */
  protected override expire(waiter: Waiter): void {
    this.answer(waiter, SyncOutcome.TimedOut);
    this.#breakUp(true);
  }

  protected override dropAnswered(port: Port, token: number): void {
    const gone = this.#arrived.find(port, token);
    if (gone === undefined) return;
    this.#arrived.delete(gone);
    if (gone !== this.#leader) this.answer(gone, SyncOutcome.TimedOut);
    this.#breakUp(true);
  }

  protected override bury(port: Port, broken: boolean): void {
    const led = this.#leader?.port === port;
    const gone = this.#arrived.takeOf(port);
    if (led || broken) this.#breakUp(true);
    else if (gone.length > 0) this.#show();
  }

  #arrive(waiter: Waiter): void {
    this.#arrived.push(waiter);
    if (this.#arrived.size === this.made.parties) {
      if (!this.made.hasAction) {
        this.#open();
        return;
      }
      this.#leader = waiter;
      this.answer(waiter, SyncOutcome.Leader, waiter.token);
    } else if (waiter.once) {
      this.dropAnswered(waiter.port, waiter.token);
      return;
    }
    this.#show();
  }

  /** The action has run, or has failed. After a reset another one may lead, also of the same process. */
  #finish(waiter: Waiter): void {
    const { port, want } = waiter;
    const leads = this.#leader?.port === port && this.#leader.token === want.led;
    this.answer(waiter, leads ? SyncOutcome.Done : SyncOutcome.Broken);
    if (!leads) return;
    if (want.to === 'finish') this.#open();
    else this.#breakUp(true);
  }

  #open(): void {
    const arrived = [...this.#arrived];
    const leader = this.#leader;
    this.#arrived = new Waiters();
    this.#leader = undefined;
    arrived.forEach((waiter, index) => {
      if (waiter !== leader) this.answer(waiter, SyncOutcome.Done, index);
    });
    this.#show();
    this.serveWaiting();
  }

  #breakUp(broken: boolean): void {
    const arrived = [...this.#arrived].filter((waiter) => waiter !== this.#leader);
    this.#arrived = new Waiters();
    this.#leader = undefined;
    for (const waiter of arrived) this.answer(waiter, SyncOutcome.Broken);
    this.state = { kind: 'barrier', waiting: 0, broken };
    this.serveWaiting();
  }

  #show(): void {
    const waiting = this.#arrived.size;
    if (waiting !== this.state.waiting) this.state = { ...this.state, waiting };
  }
}
