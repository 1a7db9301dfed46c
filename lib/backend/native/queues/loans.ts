import { AfterForkOrder, resetAfterFork } from '../../../base/after-fork.js';
import { Deadline } from '../../../base/deadline.js';
import { detach } from '../../../base/detach.js';
import type { Wait } from '../../../base/options.js';
import {
  ITEM_HEAD_BYTES,
  transferredAway,
  type Lent,
  type LentMessage,
  type Loans,
} from '../../loan-contract.js';
import { QueueOutcome } from '../../queue-contract.js';
import { systemError } from '../../system-error.js';
import type { Answer } from '../sync-addon.js';
import { aborted } from '../sync/handle.js';
import { answered } from './answers.js';
import type { NativeQueue, QueueCore } from './handle.js';
import { Nothing } from './inbox.js';

/** To copy a shorter message costs less than a view of it. */
const LEAST_BYTES = 16 * 1024;

/** Of views, each of which has another one. */
let lastId = 0;
let resets = false;

type Got = LentMessage | QueueOutcome.TimedOut | QueueOutcome.Closed;

/** The loans of one queue. */
export class NativeLoans implements Loans {
  readonly #core: QueueCore;
  readonly #queue: NativeQueue;
  readonly #id: number;

  constructor(core: QueueCore, queue: NativeQueue, id: number) {
    this.#core = core;
    this.#queue = queue;
    this.#id = id;
    if (resets) return;
    resets = true;
    // The memory that they show is the parent's, or somebody else's by now.
    resetAfterFork(AfterForkOrder.Handles, (occasion) => {
      if (occasion !== 'rehearsal') core.native.loansInherited();
    });
  }

  lend(size: number, kind: number): Lent | undefined {
    if (size === 0) return undefined;
    const id = ++lastId;
    let buffer: ArrayBuffer | undefined;
    try {
      buffer = this.#core.native.loanMake(this.#id, size, id, kind);
    } catch (error) {
      throw systemError('there is no memory for a loan', error);
    }
    this.#core.memory.put();
    return buffer && new NativeLent(this.#core, this.#id, id, buffer);
  }

  take(wait: Wait): Got | Promise<Got> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    // Behind those of this thread that wait already.
    const taken = this.#take(wait.timeout === 0 ? 0 : 1);
    if (taken !== QueueOutcome.TimedOut || wait.timeout === 0) return taken;
    return this.#takeLater(wait);
  }

  takeSync(timeoutMs: number): Got {
    const deadline = Deadline.after(timeoutMs);
    for (;;) {
      const taken = this.#take(0);
      if (taken !== QueueOutcome.TimedOut || timeoutMs === 0) return taken;
      if (!this.#queue.pollSync(deadline.remainingMs())) return QueueOutcome.TimedOut;
    }
  }

  /** Somebody else may be faster than who was told that there is something. */
  async #takeLater({ timeout, signal }: Wait): Promise<Got> {
    const deadline = Deadline.after(timeout);
    for (;;) {
      if (!(await this.#queue.poll({ timeout: deadline.remainingMs(), signal })))
        return QueueOutcome.TimedOut;
      const taken = this.#take(0);
      if (taken !== QueueOutcome.TimedOut) return taken;
    }
  }

  #take(behindOthers: number): Got {
    const { native } = this.#core;
    const id = ++lastId;
    const taken = native.loanTake(this.#id * 2 + behindOthers, id, LEAST_BYTES);
    if (typeof taken === 'number') {
      return taken === (Nothing.Ever as number) ? QueueOutcome.Closed : QueueOutcome.TimedOut;
    }
    if (taken instanceof ArrayBuffer) {
      return {
        bytes: Buffer.from(taken),
        release: () => {
          native.loanRelease(id);
        },
      };
    }
    const buffer = taken.buffer as ArrayBuffer;
    return {
      bytes: Buffer.from(buffer, taken.byteOffset, taken.length),
      release: () => {
        detach(buffer);
      },
    };
  }
}

class NativeLent implements Lent {
  readonly #core: QueueCore;
  readonly #queue: number;
  readonly #length: number;
  #id: number;
  #bytes: Uint8Array;

  constructor(core: QueueCore, queue: number, id: number, buffer: ArrayBuffer) {
    this.#core = core;
    this.#queue = queue;
    this.#id = id;
    this.#length = buffer.byteLength + ITEM_HEAD_BYTES;
    this.#bytes = new Uint8Array(buffer);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  put(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    const rejected = aborted(wait);
    if (rejected) return rejected;
    const outcome = this.#once(wait.timeout === 0 ? 0 : 1);
    if (outcome !== QueueOutcome.TimedOut) return outcome;
    if (wait.timeout !== 0) return this.#putLater(wait);
    this.#renew();
    return outcome;
  }

  putSync(timeoutMs: number): QueueOutcome {
    const deadline = Deadline.after(timeoutMs);
    for (;;) {
      const outcome = this.#once(0);
      if (outcome !== QueueOutcome.TimedOut) return outcome;
      const left = timeoutMs === 0 ? 0 : deadline.remainingMs();
      const room = this.#core.native.loanRoomSync(this.#queue, this.#length, left);
      if (timeoutMs > 0 && answered(room) !== QueueOutcome.TimedOut) continue;
      this.#renew();
      return outcome;
    }
  }

  release(): void {
    this.#core.native.loanRelease(this.#id);
  }

  /** Nobody sees the memory while it waits. */
  async #putLater({ timeout, signal }: Wait): Promise<QueueOutcome> {
    const deadline = Deadline.after(timeout);
    for (;;) {
      let room: QueueOutcome;
      try {
        room = await this.#room({ timeout: deadline.remainingMs(), signal });
      } catch (error) {
        this.#renew();
        throw error;
      }
      const outcome = room === QueueOutcome.TimedOut ? room : this.#once(0);
      if (outcome === QueueOutcome.Done) return outcome;
      if (outcome === QueueOutcome.TimedOut && room !== QueueOutcome.TimedOut) continue;
      this.#renew();
      return outcome;
    }
  }

  #room(wait: Wait): QueueOutcome | Promise<QueueOutcome> {
    const { native, waits } = this.#core;
    let begun: Answer;
    try {
      begun = native.loanRoomAsync(this.#queue, this.#length);
    } catch (error) {
      throw systemError('no room can be waited for', error);
    }
    if (begun === undefined || begun >= 0) return answered(begun);
    return waits.add(-begun, this, wait, { value: answered, abortExpires: false });
  }

  #once(behindOthers: number): QueueOutcome {
    let answer: Answer | false;
    try {
      answer = this.#core.native.loanPut(this.#queue * 2 + behindOthers, this.#id);
    } catch (error) {
      this.#renew();
      throw systemError('the loan could not be put', error);
    }
    if (answer === false) throw transferredAway();
    return answered(answer);
  }

  #renew(): void {
    const id = ++lastId;
    const buffer = this.#core.native.loanRenew(this.#id, id);
    this.#id = id;
    this.#bytes = buffer ? new Uint8Array(buffer) : new Uint8Array();
  }
}
