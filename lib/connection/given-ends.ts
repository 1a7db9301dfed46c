/**
 * Which forked process has which end of a pipe. fork(2) copies every descriptor, so each child would hold every end that its
 * parent had, and no reader would ever see the end of the stream: Python leaves it to the user to close them all. Here a pipe
 * of which an end was ever an argument of a process goes by arguments: a forked child keeps the ends among its own arguments
 * and the others are closed in it, as if it had been spawned. A pipe that is only captured by closures stays as fork copied it.
 */
import { goByArguments } from '../base/given.js';

interface End {
  readonly closed: boolean;
}

type Pair = readonly WeakRef<End>[];

const pairs = new WeakMap<object, Pair>();
/** The pipes that go by arguments, while an end of them is open here. */
const given = new Set<Pair>();

export function rememberPair(left: End, right: End): void {
  const pair = [new WeakRef(left), new WeakRef(right)];
  pairs.set(left, pair);
  pairs.set(right, pair);
}

/** `withhold` closes an end in the child. */
export function endsGoByArguments(withhold: (end: End) => void): void {
  goByArguments({
    has: (value) => pairs.has(value),
    give(found) {
      for (const pair of given) if (openEnds(pair).length === 0) given.delete(pair);
      for (const value of found) {
        const pair = pairs.get(value);
        if (pair) given.add(pair);
      }
      return (rehearsal) => {
        for (const pair of rehearsal ? [] : given)
          for (const end of openEnds(pair)) if (!found.has(end)) withhold(end);
      };
    },
  });
}

function openEnds(pair: Pair): End[] {
  return pair.map((end) => end.deref()).filter((end) => end?.closed === false) as End[];
}
