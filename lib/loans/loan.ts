import { constants } from 'node:buffer';
import { inspect } from 'node:util';
import { ITEM_HEAD_BYTES, type Lent } from '../backend/loan-contract.js';
import { QueueOutcome } from '../backend/queue-contract.js';
import { checkInteger, invalidType, type Wait } from '../base/options.js';
import { StateError } from '../errors.js';
import { cloneGuard, registerHandleReducer } from '../serialization/reducers.js';
import { forkGeneration } from './forks.js';

const TAG = 'Loan';
const guard = cloneGuard(TAG);

/** The longest that every runtime can show. */
const MOST_BYTES = Math.min(constants.MAX_LENGTH, 2 ** 32 - 1) - ITEM_HEAD_BYTES;

/** Who lends. A loan goes back there, or is put there, and nowhere else. */
export interface Lender {
  /** The queue or the connection, as the backend knows it. */
  readonly owner: object;
  readonly called: 'queue' | 'connection';
  /** What is said of a loan that is gone: it was so. */
  readonly done: 'put' | 'sent';
  /** @throws what keeps this one from lending so many bytes. */
  lend(size: number): Lent;
}

/**
 * Memory of a queue or a connection for one item, a byte array, to be written where it will lie: `queue.loan(size)` gives it, and
 * `queue.putLoan(loan)` puts it, `connection.loan(size)` and `connection.sendLoan(loan)` likewise, without a copy. It belongs to the
 * process, and the thread, that has borrowed it, and is given back by its end, by `release()`, or when nobody can reach it any more. No
 * twin in Python.
 */
export class Loan implements Disposable {
  /** @internal */
  readonly $handle = guard;
  /** How many bytes. */
  readonly size: number;
  readonly #lender: Lender;
  readonly #generation = forkGeneration();
  readonly #lent: Lent;
  /** As it is said: 'was put'. */
  #over: string | undefined;

  private constructor(lender: Lender, size: number) {
    checkInteger('size', size, 0, MOST_BYTES);
    this.size = size;
    this.#lender = lender;
    this.#lent = lender.lend(size);
  }

  /** @internal */
  static from(lender: Lender, size: number): Loan {
    return new Loan(lender, size);
  }

  /**
   * The memory. What is in it at first is not said. From `putLoan` or `sendLoan` on the array has no bytes any more, and nothing that was
   * made of it has; after such a call in vain there is another one here, with the same bytes.
   * @throws StateError when it was put, sent or released, and in a forked child.
   */
  get bytes(): Uint8Array {
    this.#check();
    return this.#lent.bytes;
  }

  /** Gives the memory back; `bytes` has none any more. Idempotent, and nothing after it was put or sent. Never waits. */
  release(): void {
    if (this.#over !== undefined || this.#generation !== forkGeneration()) return;
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
    if (this.#generation !== forkGeneration()) {
      throw new StateError(
        'the loan belongs to the process that this one was forked from: borrow one here',
      );
    }
    if (this.#over === undefined) return;
    throw new StateError(`the loan ${this.#over}: every item needs a loan of its own`);
  }

  /** @throws TypeError, StateError. @internal */
  static use(loan: unknown, { owner, called }: Lender): Loan {
    const isOne = typeof loan === 'object' && loan !== null && #lent in loan;
    if (!isOne) throw invalidType('loan', `a Loan of this ${called}`, loan);
    loan.#check();
    if (loan.#lender.owner === owner) return loan;
    const its = loan.#lender.called;
    const other =
      its === called ? `another ${called}, or of another handle on this one` : `a ${its}`;
    throw new StateError(`the loan is of ${other}: borrow one from this ${called}`);
  }

  /** Nothing was put unless it is Done, or a promise of it. @internal */
  static async put(loan: Loan, wait: Wait): Promise<QueueOutcome> {
    loan.#over = `is being ${loan.#lender.done}`;
    let outcome: QueueOutcome | undefined;
    try {
      const begun = loan.#lent.put(wait);
      return (outcome = typeof begun === 'number' ? begun : await begun);
    } finally {
      loan.#over = outcome === QueueOutcome.Done ? `was ${loan.#lender.done}` : undefined;
    }
  }

  /** The same, blocking the thread. @internal */
  static putSync(loan: Loan, timeoutMs: number): QueueOutcome {
    const outcome = loan.#lent.putSync(timeoutMs);
    if (outcome === QueueOutcome.Done) loan.#over = `was ${loan.#lender.done}`;
    return outcome;
  }

  static {
    registerHandleReducer<Loan, never>(TAG, Loan as never, {
      reduce() {
        throw new Error(
          'a loan stays where it was borrowed: putLoan of its queue, or sendLoan of its connection, takes its bytes along',
        );
      },
      rebuild: () => {
        throw new Error('a loan does not travel');
      },
    });
  }
}
