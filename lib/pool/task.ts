/** The unit that travels to a worker: one call, or one chunk of a map. Settles exactly once, whatever happens to its worker. */
import type { PoolFunction } from './functions.js';

/** How the worker applies the function to the payload, and what it answers. */
export const enum CallShape {
  /** payload: the arguments. Answer: the result. */
  Apply = 0,
  /** payload: items. Answer: the results, or the first error, as nobody asks for the rest. */
  Map = 1,
  /** payload: argument lists. Answer: as Map. */
  StarMap = 2,
  /** payload: items. Answer: one outcome for every item. */
  Each = 3,
  /** payload: argument lists. Answer: as Each. */
  StarEach = 4,
}

export function answersEach(shape: CallShape): boolean {
  return shape === CallShape.Each || shape === CallShape.StarEach;
}

export type Outcome<T = unknown> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

export function succeeded<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function failed(error: unknown): Outcome<never> {
  return { ok: false, error };
}

/** Tasks that belong together, as those of one map: they take turns with the others that wait. Kept by the queue. */
export interface Flow {
  /** The turn of the last of them. */
  turn: number;
  /** Not 0 where nobody asks for the results one by one, but for all of them together: a number of its own. */
  readonly batch?: number;
  /** How many items its tasks have so far; kept by `Task`. */
  items?: number;
}

/** What its caller wants of a task, besides its result. */
export interface TaskControl {
  /** Higher goes first; 0 where nothing is said. */
  readonly priority?: number | undefined;
  /** Milliseconds that it may run. */
  readonly taskTimeout?: number | undefined;
  /** How many deaths of its worker it survives: it is run again. */
  readonly retry?: number | undefined;
  /** It may be aborted while it runs, so its worker must listen meanwhile. */
  readonly abortable?: boolean | undefined;
  /** Hears what it reports, with the place in the payload of the item that it is about. */
  readonly onReport?: ((value: unknown, index: number) => void) | undefined;
}

export interface TaskSpec {
  readonly fn: PoolFunction;
  readonly shape: CallShape;
  readonly payload: readonly unknown[];
  /** Absent for a call that belongs to no map. */
  readonly flow?: Flow | undefined;
  /** How many items stand before its own, for errors; nothing need be said of a flow whose tasks are made in order. */
  readonly offset?: number;
  readonly control?: TaskControl | undefined;
  /** Called once. Must not throw. */
  readonly onSettled: (outcome: Outcome) => void;
  /**
   * Called when it is the first that a worker has to do, as far as that is known here; perhaps again, when that one did not get to it. Must
   * not throw.
   */
  readonly onReached?: () => void;
  /** Called when it was reached, and taken back before it had begun. Must not throw. */
  readonly onReturned?: () => void;
}

let nextId = 1;

export class Task {
  readonly id = nextId++;
  readonly fn: PoolFunction;
  readonly shape: CallShape;
  readonly flow: Flow | undefined;
  readonly offset: number;
  readonly priority: number;
  readonly control: TaskControl;
  readonly onReached: (() => void) | undefined;
  readonly onReturned: (() => void) | undefined;
  readonly queuedAt = performance.now();
  /** When its worker began it; of one that began unheard and was killed or given up, the earliest that it can have been. Undefined before. */
  startedAt: number | undefined;
  /** Whether it lies in the queue; kept by the queue. */
  queued = false;
  /** When it is due among those that wait; kept by the queue. */
  turn = 0;
  /** Milliseconds that it was expected to run when a worker was given it; kept by that worker's line. */
  expectedMs = 0;
  /** That of its flow, if its answer may be told late; else 0. Kept by that worker's line. */
  batch = 0;
  /** Milliseconds that its worker has to end it, once nobody waits for it any more. */
  graceMs: number | undefined;
  /** How many workers have died with this task next in their line, before it began. */
  lostBeforeStart = 0;
  #retriesLeft: number;
  #payload: readonly unknown[];
  #onSettled: ((outcome: Outcome) => void) | undefined;

  constructor(spec: TaskSpec) {
    this.fn = spec.fn;
    this.shape = spec.shape;
    this.flow = spec.flow;
    this.offset = spec.offset ?? spec.flow?.items ?? 0;
    if (spec.flow !== undefined) spec.flow.items = this.offset + spec.payload.length;
    this.control = spec.control ?? {};
    this.priority = this.control.priority ?? 0;
    this.#retriesLeft = this.control.retry ?? 0;
    this.onReached = spec.onReached;
    this.onReturned = spec.onReturned;
    this.#payload = spec.payload;
    this.#onSettled = spec.onSettled;
  }

  /** Encoded when the task is handed to a worker, not before: until then the caller's values are only referred to. */
  get payload(): readonly unknown[] {
    return this.#payload;
  }

  /** Somebody asks for its own result. */
  get isAwaitedAlone(): boolean {
    return (this.flow?.batch ?? 0) === 0;
  }

  get settled(): boolean {
    return this.#onSettled === undefined;
  }

  /** Its worker has died. True, once for each retry that it has, when it is to be run again. */
  takeRetry(): boolean {
    if (this.settled || this.#retriesLeft === 0) return false;
    this.#retriesLeft--;
    this.startedAt = undefined;
    return true;
  }

  /** False when it had settled before: the later outcome is dropped. */
  settle(outcome: Outcome): boolean {
    const onSettled = this.#onSettled;
    if (onSettled === undefined) return false;
    this.#onSettled = undefined;
    this.#payload = [];
    onSettled(outcome);
    return true;
  }
}
