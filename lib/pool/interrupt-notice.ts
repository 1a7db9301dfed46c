import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import { backend } from '../backend/index.js';

/** A look costs a system call, which would be a twentieth of a call of an idle pool. */
const LOOK_EVERY_MS = 100;

/** This thread's, of pools that have not ended. */
const open = new Set<InterruptNotice>();

resetAfterFork(AfterForkOrder.Services, (occasion) => {
  if (occasion !== 'rehearsal') open.clear();
});

/**
 * A pool's part in the line that is said when Ctrl-C ends the program. Not by a listener: it would hold up a busy program, and be counted
 * by others.
 */
export class InterruptNotice {
  #lookedAt = performance.now();

  constructor() {
    open.add(this);
    backend().announceInterrupt?.(true);
  }

  /** The pool has work: since the last look a listener for SIGINT may have come and gone, which leaves nothing of ours behind. */
  renew(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS || !open.has(this)) return;
    this.#lookedAt = now;
    backend().announceInterrupt?.(true);
  }

  /** All workers have ended. */
  end(): void {
    if (open.delete(this) && open.size === 0) backend().announceInterrupt?.(false);
  }
}
