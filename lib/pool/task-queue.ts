/**
 * Tasks that wait for a worker: those of a higher priority first. Among equals, calls and every single map take turns, so that
 * a long map does not hold up the others; those of one map, and calls among themselves, go first in, first out.
 *
 * Turns are kept by numbers. A task's turn is the one after the last of its own flow, but never behind the present one; the
 * lowest goes first. So who comes to a full queue with one task is next, and who has many waits for one of each other flow.
 */
import { LaneHeap } from './lane-heap.js';
import { Lane } from './lane.js';
import type { Flow, Task } from './task.js';

/** A flow's tasks: one lane per function, because a forked worker can only run functions that it was born with. */
type FlowLanes = Map<number, Lane>;

/** All tasks of one priority. */
interface Level {
  readonly priority: number;
  /** The turn of the last task that was taken. */
  turn: number;
  /** Calls that belong to no map. */
  readonly calls: Flow;
  readonly flows: Map<Flow, FlowLanes>;
  /** The same lanes, by whose turn it is. */
  readonly lanes: LaneHeap;
}

export class TaskQueue {
  /** The highest priority first; none is empty for longer than until the next take. */
  #levels: Level[] = [];
  #length = 0;
  /** The highest turn that was ever given: where a new level begins. */
  #highest = 0;
  #newest = 0;
  #awaitedAlone = 0;

  /** Tasks that have not settled. Settled ones may still lie in a lane until it is read past them. */
  get length(): number {
    return this.#length;
  }

  /** Whether there is one of which somebody asks for its own result. */
  get hasAwaitedAlone(): boolean {
    return this.#awaitedAlone > 0;
  }

  /** No task that waits has a higher priority. There need not be one that has this. */
  get highestPriority(): number {
    return this.#levels[0]?.priority ?? -Infinity;
  }

  /** The highest number of a function that was ever here. */
  get newest(): number {
    return this.#newest;
  }

  push(task: Task): void {
    this.#newest = Math.max(this.#newest, task.fn.id);
    const level = this.#levelOf(task);
    const flow = task.flow ?? level.calls;
    flow.turn = Math.max(level.turn, flow.turn + 1);
    this.#highest = Math.max(this.#highest, flow.turn);
    task.turn = flow.turn;
    laneOf(level, flow, task).push(task);
    this.#enter(task);
  }

  /** Back to the front of its lane, with the turn that it had: the task was handed out and is to be handed out again. */
  unshift(task: Task): void {
    const level = this.#levelOf(task);
    const lane = laneOf(level, task.flow ?? level.calls, task);
    lane.unshift(task);
    level.lanes.hasten(lane, task);
    this.#enter(task);
  }

  /**
   * The next task, for a worker that knows the functions up to the number `horizon`. Is it one of a function that it does not know,
   * `mayPass` says whether it takes the next one that it does know, or nothing.
   */
  take(horizon: number, mayPass: () => boolean): Task | undefined {
    for (const level of this.#levels) {
      let lane = level.lanes.first();
      if (level.flows.size === 0) this.#levels = this.#levels.filter((other) => other !== level);
      if (lane !== undefined && lane.fn > horizon) {
        if (!mayPass()) return undefined;
        lane = level.lanes.firstUpTo(horizon);
      }
      const task = lane?.first();
      if (task === undefined) continue;
      lane?.shift();
      level.turn = Math.max(level.turn, task.turn);
      this.forget(task);
      return task;
    }
    return undefined;
  }

  /** The one that is next, for who knows its function. */
  get first(): Task | undefined {
    for (const level of this.#levels) {
      const next = level.lanes.first()?.first();
      if (next !== undefined) return next;
    }
    return undefined;
  }

  /** How many wait whose function has a higher number; counted up to `most`. */
  countAbove(horizon: number, most: number): number {
    let count = 0;
    for (const { flows } of this.#levels)
      for (const lanes of flows.values())
        for (const [fn, lane] of lanes) {
          if (count >= most) return most;
          if (fn > horizon) count += lane.count(most - count);
        }
    return count;
  }

  /** The task is taken, or about to be settled by its caller: it counts no more. */
  forget(task: Task): void {
    task.queued = false;
    this.#length--;
    if (task.isAwaitedAlone) this.#awaitedAlone--;
  }

  /** Empties the queue. */
  drain(): Task[] {
    const tasks = this.#levels.flatMap(({ flows }) =>
      [...flows.values()].flatMap((lanes) => [...lanes.values()].flatMap((lane) => lane.rest())),
    );
    this.#levels = [];
    for (const task of tasks) this.forget(task);
    return tasks;
  }

  #enter(task: Task): void {
    task.queued = true;
    this.#length++;
    if (task.isAwaitedAlone) this.#awaitedAlone++;
  }

  #levelOf({ priority }: Task): Level {
    const at = this.#levels.findIndex((level) => level.priority <= priority);
    const found = this.#levels[at];
    if (found?.priority === priority) return found;
    const flows = new Map<Flow, FlowLanes>();
    const lanes = new LaneHeap((lane) => {
      dropLane(flows, lane);
    });
    const level = { priority, turn: this.#highest, calls: { turn: 0 }, flows, lanes };
    this.#levels.splice(at === -1 ? this.#levels.length : at, 0, level);
    return level;
  }
}

function laneOf({ flows, lanes }: Level, flow: Flow, task: Task): Lane {
  let byFunction = flows.get(flow);
  if (byFunction === undefined) flows.set(flow, (byFunction = new Map<number, Lane>()));
  let lane = byFunction.get(task.fn.id);
  if (lane === undefined) {
    byFunction.set(task.fn.id, (lane = new Lane(flow, task.fn.id)));
    lanes.add(lane, task);
  }
  return lane;
}

function dropLane(flows: Map<Flow, FlowLanes>, { flow, fn }: Lane): void {
  const byFunction = flows.get(flow);
  byFunction?.delete(fn);
  if (byFunction?.size === 0) flows.delete(flow);
}
