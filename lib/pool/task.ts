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

export interface TaskSpec {
  readonly fn: PoolFunction;
  readonly shape: CallShape;
  readonly payload: readonly unknown[];
  /** Called once. Must not throw. */
  readonly onSettled: (outcome: Outcome) => void;
  /** Called when a worker gets it, again when that one died before it began. Must not throw. */
  readonly onGiven?: () => void;
}

let nextId = 1;

export class Task {
  readonly id = nextId++;
  readonly fn: PoolFunction;
  readonly shape: CallShape;
  readonly onGiven: (() => void) | undefined;
  readonly queuedAt = performance.now();
  /** When the worker said that it begins; undefined before. */
  startedAt: number | undefined;
  /** Whether it lies in the queue; kept by the queue. */
  queued = false;
  /** How many workers have died with this task next in their line, before it began. */
  lostBeforeStart = 0;
  #payload: readonly unknown[];
  #onSettled: ((outcome: Outcome) => void) | undefined;

  constructor(spec: TaskSpec) {
    this.fn = spec.fn;
    this.shape = spec.shape;
    this.onGiven = spec.onGiven;
    this.#payload = spec.payload;
    this.#onSettled = spec.onSettled;
  }

  /** Encoded when the task is handed to a worker, not before: until then the caller's values are only referred to. */
  get payload(): readonly unknown[] {
    return this.#payload;
  }

  get settled(): boolean {
    return this.#onSettled === undefined;
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
