/**
 * What the package itself must reset in a forked child, in one written order. Users' hooks (`registerAtFork`) run after these.
 * Rooms register at load; the launcher runs the list as the first JavaScript of the child.
 */
export enum AfterForkOrder {
  /** process.pid, random state, exit path. */
  Identity = 0,
  /** What Node's library keeps behind the scenes: timers, sockets, agents, listeners. */
  NodeState = 10,
  /** Connections, channels, watchers. */
  Handles = 20,
  /** currentProcess, children, counters. */
  Processes = 30,
  /** Pools and queues of the parent. */
  Services = 40,
}

/** `clean` for a Process (only the target lives on), `twin` for fork(), where both sides go on with everything. */
export type ForkKind = 'clean' | 'twin';

/**
 * A `rehearsal` happens once, in the parent, and changes nothing. What the parent has called is compiled, and compiling it
 * again would be most of the time of a child without work.
 */
export type ResetOccasion = ForkKind | 'rehearsal';

interface Reset {
  order: AfterForkOrder;
  run: (occasion: ResetOccasion) => void;
}

const resets: Reset[] = [];

export function resetAfterFork(
  order: AfterForkOrder,
  run: (occasion: ResetOccasion) => void,
): void {
  const at = resets.findIndex((reset) => reset.order > order);
  resets.splice(at === -1 ? resets.length : at, 0, { order, run });
}

export function runResets(occasion: ResetOccasion): void {
  for (const reset of resets) reset.run(occasion);
}
