import type { Message } from '../../contract.js';
import type { Wait } from '../../../base/options.js';
import { Asked } from '../asked.js';
import type { Liveness } from '../../../base/liveness.js';

/**
 * What the broker is asked. Where it is in this process it mostly answers before anybody has begun to wait, and then there is no
 * promise.
 */
export class Question<T> {
  /** The handle through which it is asked: it is not collected meanwhile. */
  readonly owner: object;
  /** What is put. */
  readonly message: Message | undefined;
  /** What has come of an answer in several parts. */
  readonly given: Message[] = [];
  #asked: Asked<T> | undefined;
  #answer: { value: T } | { error: unknown } | undefined;

  constructor(owner: object, message?: Message) {
    this.owner = owner;
    this.message = message;
  }

  /** The signal has fired, so `TimedOut` means that. */
  get aborted(): boolean {
    return this.#asked?.cancelling === true && !this.#asked.timedOut;
  }

  resolve(value: T): void {
    if (this.#asked === undefined) this.#answer ??= { value };
    else this.#asked.resolve(value);
  }

  reject(error: unknown): void {
    if (this.#asked === undefined) this.#answer ??= { error };
    else this.#asked.reject(error);
  }

  /** With the signal's reason. */
  abort(): void {
    this.reject(this.#asked?.reason);
  }

  /** The answer, at once when it is there. `withdraw` runs once, when the time is over or the signal fires. */
  result(wait: Wait, liveness: Liveness, withdraw: () => void): T | Promise<T> {
    if (this.#answer !== undefined) {
      if ('error' in this.#answer) throw this.#answer.error;
      return this.#answer.value;
    }
    this.#asked = new Asked<T>(this.owner, wait, liveness);
    this.#asked.watch(withdraw);
    return this.#asked.promise;
  }
}
