import { Deadline } from '../../../base/deadline.js';
import type { Wait } from '../../../base/options.js';
import { transferredAway, type Lent, type Loans, type TakenInPlace } from '../../loan-contract.js';
import { QueueOutcome } from '../../queue-contract.js';
import { systemError } from '../../system-error.js';
import { LEAST_IN_PLACE, LentMemory, newView, takenLoan } from '../lent-memory.js';
import type { Answer } from '../sync-addon.js';
import { aborted } from '../sync/handle.js';
import { answered } from './answers.js';
import type { NativeQueue, QueueCore } from './handle.js';
import { Nothing } from './inbox.js';

/** The loans of one queue. */
export class NativeLoans implements Loans {
  readonly #core: QueueCore;
  readonly #queue: NativeQueue;
  readonly #id: number;

  constructor(core: QueueCore, queue: NativeQueue, id: number) {
    this.#core = core;
    this.#queue = queue;
    this.#id = id;
  }

  lend(size: number, kind: number): Lent | undefined {
    const memory = LentMemory.of(this.#core.native, this.#id, { size, kind });
    if (memory === undefined) return undefined;
    this.#core.memory.put();
    return new NativeLent(this.#core, this.#id, memory);
  }

  take(wait: Wait): TakenInPlace | Promise<TakenInPlace> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    // Behind those of this thread that wait already.
    const taken = this.#take(wait.timeout === 0 ? 0 : 1);
    if (taken !== QueueOutcome.TimedOut || wait.timeout === 0) return taken;
    return this.#takeLater(wait);
  }

  takeSync(timeoutMs: number): TakenInPlace {
    const deadline = Deadline.after(timeoutMs);
    for (;;) {
      const taken = this.#take(0);
      if (taken !== QueueOutcome.TimedOut || timeoutMs === 0) return taken;
      if (!this.#queue.pollSync(deadline.remainingMs())) return QueueOutcome.TimedOut;
    }
  }

  /** Somebody else may be faster than who was told that there is something. */
  async #takeLater({ timeout, signal }: Wait): Promise<TakenInPlace> {
    const deadline = Deadline.after(timeout);
    for (;;) {
      if (!(await this.#queue.poll({ timeout: deadline.remainingMs(), signal })))
        return QueueOutcome.TimedOut;
      const taken = this.#take(0);
      if (taken !== QueueOutcome.TimedOut) return taken;
    }
  }

  #take(behindOthers: number): TakenInPlace {
    const { native } = this.#core;
    const id = newView(native);
    const taken = native.loanTake(this.#id * 2 + behindOthers, id, LEAST_IN_PLACE);
    if (typeof taken === 'number') {
      return taken === (Nothing.Ever as number) ? QueueOutcome.Closed : QueueOutcome.TimedOut;
    }
    // Of a queue nothing arrives beside the message.
    return takenLoan(native, id, taken as ArrayBuffer | Uint8Array);
  }
}

class NativeLent implements Lent {
  readonly #core: QueueCore;
  readonly #queue: number;
  readonly #memory: LentMemory;

  constructor(core: QueueCore, queue: number, memory: LentMemory) {
    this.#core = core;
    this.#queue = queue;
    this.#memory = memory;
  }

  get bytes(): Uint8Array {
    return this.#memory.bytes;
  }

  put(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    const outcome = this.#once(wait.timeout === 0 ? 0 : 1);
    if (outcome !== QueueOutcome.TimedOut) return outcome;
    if (wait.timeout !== 0) return this.#putLater(wait);
    this.#memory.renew();
    return outcome;
  }

  putSync(timeoutMs: number): QueueOutcome {
    const deadline = Deadline.after(timeoutMs);
    for (;;) {
      const outcome = this.#once(0);
      if (outcome !== QueueOutcome.TimedOut) return outcome;
      const left = timeoutMs === 0 ? 0 : deadline.remainingMs();
      const room = this.#core.native.loanRoomSync(this.#queue, this.#memory.length, left);
      if (timeoutMs > 0 && answered(room) !== QueueOutcome.TimedOut) continue;
      this.#memory.renew();
      return outcome;
    }
  }

  release(): void {
    this.#memory.release();
  }

  /** Nobody sees the memory while it waits. */
  async #putLater({ timeout, signal }: Wait): Promise<QueueOutcome> {
    const deadline = Deadline.after(timeout);
    for (;;) {
      let room: QueueOutcome;
      try {
        room = await this.#room({ timeout: deadline.remainingMs(), signal });
      } catch (error) {
        this.#memory.renew();
        throw error;
      }
      const outcome = room === QueueOutcome.TimedOut ? room : this.#once(0);
      if (outcome === QueueOutcome.Done) return outcome;
      if (outcome === QueueOutcome.TimedOut && room !== QueueOutcome.TimedOut) continue;
      this.#memory.renew();
      return outcome;
    }
  }

  #room(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    const { native, waits } = this.#core;
    let begun: Answer;
    try {
      begun = native.loanRoomAsync(this.#queue, this.#memory.length);
    } catch (error) {
      throw systemError('no room can be waited for', error);
    }
    if (begun === undefined || begun >= 0) return answered(begun);
    return waits.add(-begun, this, wait, { value: answered, abortExpires: false });
  }

  #once(behindOthers: number): QueueOutcome {
    let answer: Answer | false;
    try {
      answer = this.#core.native.loanPut(this.#queue * 2 + behindOthers, this.#memory.id);
    } catch (error) {
      this.#memory.renew();
      throw systemError('the loan could not be put', error);
    }
    if (answer === false) throw transferredAway();
    return answered(answer);
  }
}
