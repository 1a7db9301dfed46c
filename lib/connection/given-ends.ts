/**
 * Which forked process has which end of a pipe. fork(2) copies every descriptor, so each child would hold every end that its
 * parent had, and no reader would ever see the end of the stream: Python leaves it to the user to close them all. Here a pipe
 * of which an end was ever an argument of a process goes by arguments: a forked child keeps the ends among its own arguments
 * and the others are closed in it, as if it had been spawned. A pipe that is only captured by closures stays as fork copied it.
 */
import { types } from 'node:util';

interface End {
  readonly closed: boolean;
}

type Pair = readonly WeakRef<End>[];

const pairs = new WeakMap<object, Pair>();
/** The pipes that go by arguments, while an end of them is open here. */
const given = new Set<Pair>();

/** So many values within the arguments are looked at for ends; with more, the child keeps everything. */
const MOST_LOOKS = 1000;

let anyPair = false;

export function rememberPair(left: End, right: End): void {
  anyPair = true;
  const pair = [new WeakRef(left), new WeakRef(right)];
  pairs.set(left, pair);
  pairs.set(right, pair);
}

/** In the parent, before it starts a child with these arguments. Answers what the child runs if it is forked. */
export function giveEnds(
  args: readonly unknown[],
  withhold: (end: End) => void,
): (() => void) | undefined {
  if (!anyPair) return undefined;
  const { ends, complete } = findEnds(args);
  for (const pair of given) if (openEnds(pair).length === 0) given.delete(pair);
  for (const end of ends) given.add(pairs.get(end) as Pair);
  return () => {
    if (!complete) return;
    for (const pair of given) for (const end of openEnds(pair)) if (!ends.has(end)) withhold(end);
  };
}

function openEnds(pair: Pair): End[] {
  return pair.map((end) => end.deref()).filter((end) => end?.closed === false) as End[];
}

function findEnds(args: readonly unknown[]): { ends: Set<object>; complete: boolean } {
  const ends = new Set<object>();
  const found = new Set<object>([args]);
  let looks = 0;
  for (const container of found) {
    for (const part of partsOf(container)) {
      if (++looks > MOST_LOOKS) return { ends, complete: false };
      if (typeof part !== 'object' || part === null) continue;
      if (pairs.has(part)) ends.add(part);
      else found.add(part);
    }
  }
  return { ends, complete: true };
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
