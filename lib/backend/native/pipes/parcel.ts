import { AfterForkOrder, resetAfterFork } from '../../../base/after-fork.js';
import { carriedBy } from '../queues/carried.js';
import { NativeKind } from '../sync-addon.js';
import type { EndOnItsWay } from './end-on-its-way.js';
import type { PipeCore } from './shared-lane.js';

const EMPTY = new Uint8Array();

/** Where this process finds the ends that it was born with, until it has taken them. */
let ownPlace: string | undefined;
/** Those that it has taken and not opened yet: their handles, by name. */
const unopened = new Map<string, number>();

/** Of children that live. */
const parcels = new Set<Parcel>();

resetAfterFork(AfterForkOrder.Handles, (occasion) => {
  // A forked child has them as it has all shared objects, and they are its siblings'.
  if (occasion !== 'rehearsal') for (const parcel of parcels) parcel.drop();
});

/**
 * The ends of pipes among the arguments of a spawned child: in a pipe of their own, of which the parent keeps the reading end open
 * until the child has ended. So they are in the parcel until the child has them, and one that is killed before that has closed them.
 */
export class Parcel {
  readonly #core: PipeCore;
  readonly #reader: number;
  readonly #writer: number;
  readonly #given = new Set<EndOnItsWay>();

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
  give(ends: readonly EndOnItsWay[]): void {
    const fresh = ends.filter((end) => !this.#given.has(end));
    if (fresh.length === 0) return;
    this.#core.native.pipeSend(this.#writer, EMPTY, carriedBy(fresh));
    for (const end of fresh) this.#given.add(end);
  }

  /** The child has ended: what it has not taken goes. */
  drop(): void {
    if (!parcels.delete(this)) return;
    for (const end of [this.#reader, this.#writer]) this.#core.native.drop(end);
  }

  /** In a child that was told of one. */
  static adopt(place: string): void {
    ownPlace = place;
  }

  /** In that child: the handle of an end that was among its arguments, once. */
  static takeOut({ native, nameOf }: PipeCore, name: string): number | undefined {
    if (ownPlace !== undefined) {
      const [offset, generation] = ownPlace.split('-').map(Number) as [number, number];
      ownPlace = undefined;
      const reader = native.open(NativeKind.PipeEnd, offset, generation);
      const taken = native.pipeTake(reader, EMPTY);
      native.drop(reader);
      const ends = Array.isArray(taken) ? (taken.slice(1) as number[]) : [];
      for (let at = 0; at < ends.length; at += 3) {
        unopened.set(nameOf(ends[at + 1]!, ends[at + 2]!), ends[at]!);
      }
    }
    const handle = unopened.get(name);
    unopened.delete(name);
    return handle;
  }
}
