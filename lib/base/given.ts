/**
 * What goes to other processes by their arguments. fork(2) copies all that the parent has, and with it every part that the parent
 * takes in something shared, of which the end is told when nobody takes part any more: so a child keeps what it was given.
 */
import { types } from 'node:util';

/** Objects of one kind that go by arguments. */
export interface Givable {
  has(value: object): boolean;
  /**
   * In the parent, before it starts a child: these, of any kind, are among the child's arguments. Answers what the child runs if it
   * is forked.
   */
  give(found: ReadonlySet<object>): KeepOnlyGiven;
}

/** With `rehearsal`, in the parent, nothing comes of it (see base/after-fork). */
export type KeepOnlyGiven = (rehearsal: boolean) => void;

/** So many values within the arguments are looked at; with more, the child keeps everything. */
const MOST_LOOKS = 1000;

const kinds: Givable[] = [];

export function goByArguments(kind: Givable): void {
  kinds.push(kind);
}

/** In the parent, before it starts a child with these arguments. Answers what the child runs if it is forked. */
export function giveToChild(args: readonly unknown[]): KeepOnlyGiven {
  const { found, complete } = search(args);
  const keepOnly = kinds.map((kind) => kind.give(found));
  return (rehearsal) => {
    if (complete) for (const keep of keepOnly) keep(rehearsal);
  };
}

function search(args: readonly unknown[]): { found: Set<object>; complete: boolean } {
  const found = new Set<object>();
  const containers = new Set<object>([args]);
  let looks = 0;
  for (const container of containers) {
    for (const part of partsOf(container)) {
      if (++looks > MOST_LOOKS) return { found, complete: false };
      if (typeof part !== 'object' || part === null) continue;
      if (kinds.some((kind) => kind.has(part))) found.add(part);
      else containers.add(part);
    }
  }
  return { found, complete: true };
}

/** No getter and no proxy of the user's runs for this. */
function* partsOf(container: object): Iterable<unknown> {
  if (types.isProxy(container) || ArrayBuffer.isView(container)) return;
  if (types.isMap(container)) for (const entry of container) yield* entry;
  if (types.isSet(container)) yield* container;
  if (Array.isArray(container)) yield* container as unknown[];
  else
    for (const key of Object.keys(container))
      yield Object.getOwnPropertyDescriptor(container, key)?.value;
}
