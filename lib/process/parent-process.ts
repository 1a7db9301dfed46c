import { inspect } from 'node:util';
import { Deadline } from '../base/deadline.js';
import { readSyncTimeout, readWait, type SyncWait, type Wait } from '../base/options.js';
import type { PeerProcess } from '../backend/contract.js';
import { backend } from '../backend/index.js';
import type { ParentIdentity } from './own-state.js';

/** The parent as its child sees it: it can be looked at and waited for. */
export class ParentProcess {
  readonly #identity: ParentIdentity;
  readonly #peer: PeerProcess;

  constructor(identity: ParentIdentity) {
    this.#identity = identity;
    this.#peer = backend().peer(identity.pid);
  }

  get pid(): number {
    return this.#identity.pid;
  }

  get name(): string {
    return this.#identity.name;
  }

  isAlive(): boolean {
    return this.#peer.isAlive();
  }

  /** True when it has ended, false when the timeout passed first. Its exit code is for its own parent alone. */
  async join(wait: Wait = {}): Promise<boolean> {
    return this.#peer.wait(readWait('wait', wait));
  }

  /** Blocks this thread. */
  joinSync(wait: SyncWait = {}): boolean {
    const timeout = readSyncTimeout('wait', wait);
    return this.#peer.waitSync(Deadline.after(timeout));
  }

  [inspect.custom](): string {
    return `<ParentProcess name=${inspect(this.name)} pid=${String(this.pid)} ${this.isAlive() ? 'started' : 'stopped'}>`;
  }
}
