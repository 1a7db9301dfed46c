import { throwIfAborted } from '../../base/abort-signal.js';
import { Deadline } from '../../base/deadline.js';
import type { Wait } from '../../base/options.js';
import type { Channel, Message, TransferHandle } from '../contract.js';
import type { Lent } from '../loan-contract.js';
import { QueueOutcome } from '../queue-contract.js';
import type { LentMemory } from './lent-memory.js';

const NO_BYTES = new Uint8Array(0);
const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);

/** Memory that a channel has lent: sent in its turn, as all messages of that end. */
export class LaneLent implements Lent {
  readonly #channel: Channel;
  readonly #memory: LentMemory;

  constructor(channel: Channel, memory: LentMemory) {
    this.#channel = channel;
    this.#memory = memory;
  }

  get bytes(): Uint8Array {
    return this.#memory.bytes;
  }

  async put(wait: Wait): Promise<QueueOutcome> {
    throwIfAborted(wait.signal);
    const message = this.#hidden();
    try {
      await this.#channel.send(message, wait);
    } catch (error) {
      this.#memory.renew();
      throw error;
    }
    return QueueOutcome.Done;
  }

  putSync(timeoutMs: number): QueueOutcome {
    const message = this.#hidden();
    try {
      this.#channel.sendSync(message, Deadline.after(timeoutMs));
    } catch (error) {
      this.#memory.renew();
      throw error;
    }
    return QueueOutcome.Done;
  }

  release(): void {
    this.#memory.release();
  }

  /** Nobody sees it while it waits for its turn, or for room. */
  #hidden(): Message {
    this.#memory.hide();
    return { bytes: NO_BYTES, lent: this.#memory, handles: NO_HANDLES };
  }
}
