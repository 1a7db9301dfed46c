import { AfterForkOrder, resetAfterFork } from '../../../base/after-fork.js';
import { log } from '../../../base/log.js';
import { carriedBy } from '../queues/carried.js';
import { departAll, type Named } from './end-on-its-way.js';
import type { PipeCore } from './shared-lane.js';

const EMPTY = new Uint8Array();

/** Of children that live. */
const parcels = new Set<Parcel>();

resetAfterFork(AfterForkOrder.Handles, (occasion) => {
  // A forked child has them as it has all shared objects, and they are its siblings'.
  if (occasion !== 'rehearsal') for (const parcel of parcels) parcel.drop();
});

/**
 * The shared objects among the arguments of a spawned child: in a pipe of their own, of which the parent keeps the reading end open
 * until the child has ended. So they are in the parcel until the child has them (parcel-contents.ts), and one that is killed before
 * that lets go of them: an end of a pipe is closed, a queue ends, the memory of a lock is given back.
 */
export class Parcel {
  readonly #core: PipeCore;
  readonly #reader: number;
  readonly #writer: number;
  readonly #given = new Set<Named>();

  constructor(core: PipeCore) {
    this.#core = core;
    [this.#reader, this.#writer] = core.native.pipeMake(0);
    parcels.add(this);
  }

  /** What the child is told. */
  get place(): string {
    return this.#core.native.pipeName(this.#reader).join('-');
  }

  /** Puts in those that are not in it. */
  give(objects: readonly Named[]): void {
    const fresh = objects.filter((object) => !this.#given.has(object));
    if (fresh.length === 0) return;
    for (const object of fresh) this.#given.add(object);
    try {
      const refused = this.#core.native.pipeSend(this.#writer, EMPTY, carriedBy(fresh));
      if (refused !== undefined) throw new Error('the parcel is full');
    } catch (error) {
      // No memory: they get there all the same, unless the child dies before it has opened them.
      log('a child is given shared objects without a parcel: %s', String(error));
      departAll(fresh);
    }
  }

  /** The child has ended: what it has not taken goes. */
  drop(): void {
    if (!parcels.delete(this)) return;
    for (const end of [this.#reader, this.#writer]) this.#core.native.drop(end);
  }
}
