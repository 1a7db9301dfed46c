import { constants } from 'node:buffer';
import { inspect } from 'node:util';
import { ITEM_HEAD_BYTES, type Lent } from '../backend/loan-contract.js';
import { QueueOutcome, type QueueHandle } from '../backend/queue-contract.js';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import { checkInteger, invalidType, outOfRange, type Wait } from '../base/options.js';
import { StateError } from '../errors.js';
import { Kind } from '../serialization/compact-format.js';
import { cloneGuard, registerHandleReducer } from '../serialization/reducers.js';
import { CopiedLoan } from './copied-loan.js';
import { closedHere } from './reports.js';

const TAG = 'Loan';
const guard = cloneGuard(TAG);

/** The longest that every runtime can show. */
const MOST_BYTES = Math.min(constants.MAX_LENGTH, 2 ** 32 - 1) - ITEM_HEAD_BYTES;

/** Counts the forks that this process descends from. */
let generation = 0;

resetAfterFork(AfterForkOrder.Services, (occasion) => {
  if (occasion !== 'rehearsal') generation += 1;
});

/**
 * Memory of a queue for one item, a byte array, to be written where it will lie: `queue.loan(size)` gives it, `queue.putLoan(loan)` puts
 * it, without a copy. It belongs to the process, and the thread, that has borrowed it, and is given back by its end, by `release()`, or
 * when nobody can reach it any more. No twin in Python.
 */
export class Loan implements Disposable {
  /** @internal */
  readonly $handle = guard;
  /** How many bytes. */
  readonly size: number;
  readonly #handle: QueueHandle;
  readonly #generation = generation;
  readonly #lent: Lent;
  #over: 'is being put' | 'was put' | 'was released' | undefined;

  /** @internal */
  constructor(handle: QueueHandle, size: number) {
    checkInteger('size', size, 0, MOST_BYTES);
    const { maxBytes } = handle.shape;
    if (maxBytes > 0 && size > maxBytes - ITEM_HEAD_BYTES) {
      const most = `at most ${String(maxBytes - ITEM_HEAD_BYTES)}, as maxBytes of the queue has it`;
      throw outOfRange('size', most, size);
    }
    if (handle.closed) throw closedHere();
    this.size = size;
    this.#handle = handle;
    this.#lent = handle.loans?.lend(size, Kind.AlignedBytes) ?? new CopiedLoan(handle, size);
  }

  /**
   * The memory. What is in it at first is not said. From `putLoan` on the array has no bytes any more, and nothing that was made of it has;
   * after a put in vain there is another one here, with the same bytes.
   * @throws StateError when it was put or released, and in a forked child.
   */
  get bytes(): Uint8Array {
    this.#check();
    return this.#lent.bytes;
  }

  /** Gives the memory back; `bytes` has none any more. Idempotent, and nothing after a put. */
  release(): void {
    if (this.#over !== undefined || this.#generation !== generation) return;
    this.#over = 'was released';
    this.#lent.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  get [Symbol.toStringTag](): string {
    return TAG;
  }

  [inspect.custom](): string {
    return `${TAG} { ${String(this.size)} bytes${this.#over === undefined ? '' : `, ${this.#over}`} }`;
  }

  #check(): void {
    if (this.#generation !== generation) {
      throw new StateError(
        'the loan belongs to the process that this one was forked from: borrow one here',
      );
    }
    if (this.#over === undefined) return;
    throw new StateError(`the loan ${this.#over}: every item needs a loan of its own`);
  }

  /** @throws TypeError, StateError. @internal */
  static use(loan: unknown, handle: QueueHandle): Loan {
    if (!(loan instanceof Loan)) throw invalidType('loan', 'a Loan of this queue', loan);
    loan.#check();
    if (loan.#handle === handle) return loan;
    throw new StateError('the loan is of another queue, or of another handle on this one');
  }

  /** Nothing was put unless it is Done, or a promise of it. @internal */
  static async put(loan: Loan, wait: Wait): Promise<QueueOutcome> {
    loan.#over = 'is being put';
    let outcome: QueueOutcome | undefined;
    try {
      const begun = loan.#lent.put(wait);
      return (outcome = typeof begun === 'number' ? begun : await begun);
    } finally {
      loan.#over = outcome === QueueOutcome.Done ? 'was put' : undefined;
    }
  }

  /** The same, blocking the thread. @internal */
  static putSync(loan: Loan, timeoutMs: number): QueueOutcome {
    const outcome = loan.#lent.putSync(timeoutMs);
    if (outcome === QueueOutcome.Done) loan.#over = 'was put';
    return outcome;
  }

  static {
    registerHandleReducer<Loan, never>(TAG, Loan, {
      reduce() {
        throw new Error('a loan stays where it was borrowed: queue.putLoan(loan) puts its bytes');
      },
      rebuild: () => {
        throw new Error('a loan does not travel');
      },
    });
  }
}
