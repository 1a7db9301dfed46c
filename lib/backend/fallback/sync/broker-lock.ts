import { SyncOutcome } from '../../sync-contract.js';
import type { Port } from '../broker-end.js';
import { BrokerObject, type Waiter } from './broker-object.js';
import { abandonedLock, freeLock, holds, type Act, type LockState } from './state.js';

/** A lock, reentrant or not. When its holder dies with it, it is abandoned until somebody takes it all the same. */
export class BrokerLock extends BrokerObject<LockState> {
  protected override hasStake(port: Port): boolean {
    return this.state.by === port.process;
  }

  protected serve(waiter: Waiter): boolean {
    const { state } = this;
    const { port, want } = waiter;
    if (this.#isAgain(waiter)) {
      this.state = { ...state, count: state.count + 1 };
      this.give(waiter, SyncOutcome.Done);
      return true;
    }
    if (state.by !== null) return false;
    if (state.abandoned && !want.takeAbandoned) {
      this.answer(waiter, SyncOutcome.Abandoned);
      return true;
    }
    const deadPid = state.abandoned ? state.deadPid : 0;
    const { holder, pid } = want;
    this.state = { ...freeLock(), by: port.process, pid, holder, count: 1, deadPid };
    this.give(waiter, state.abandoned ? SyncOutcome.DoneAbandoned : SyncOutcome.Done);
    return true;
  }

  protected done(_port: Port, act: Act): void {
    if (act.do === 'release' && this.state.by === null) this.#next();
  }

  /** It never had it: nothing that the lock protects was touched. */
  protected override takeBack({ port, want }: Waiter): void {
    const { state } = this;
    if (!holds(state, port.process, want.holder)) return;
    if (state.count > 1) this.state = { ...state, count: state.count - 1 };
    else {
      this.state = state.deadPid === 0 ? freeLock() : abandonedLock(state.deadPid);
      this.#next();
    }
  }

  protected override bury(port: Port): void {
    if (this.state.by !== port.process) return;
    this.state = abandonedLock(this.state.pid);
    this.#next();
  }

  #next(): void {
    this.forgetGifts();
    this.serveWaiting();
    if (this.made.kind !== 'rlock') return;
    // Who has it already need not wait for those in between.
    for (const waiter of this.waiting) {
      if (!this.#isAgain(waiter)) continue;
      this.waiting.delete(waiter);
      this.serve(waiter);
    }
  }

  #isAgain({ port, want }: Waiter): boolean {
    return this.made.kind === 'rlock' && holds(this.state, port.process, want.holder);
  }
}
