/**
 * Lanes by the turns of their first tasks. A lane's place tells of a task that was its first once: what it has now is the same or
 * goes later, as tasks settle and are taken without a word here. Who comes to the front is looked at, and set right.
 */
import type { Lane } from './lane.js';
import type { Task } from './task.js';

/** What decides who goes first. */
type Due = Pick<Task, 'turn' | 'id'>;

interface Place {
  readonly lane: Lane;
  due: Due;
}

export class LaneHeap {
  readonly #places: Place[] = [];
  readonly #onEmpty: (lane: Lane) => void;

  /** `onEmpty`: a lane has come to the front with nothing in it, and is dropped. */
  constructor(onEmpty: (lane: Lane) => void) {
    this.#onEmpty = onEmpty;
  }

  add(lane: Lane, { turn, id }: Due): void {
    lane.at = this.#places.push({ lane, due: { turn, id } }) - 1;
    this.#rise(lane.at);
  }

  /** The task has come to the front of the lane. */
  hasten(lane: Lane, task: Due): void {
    const place = this.#places[lane.at];
    if (place === undefined || !goesBefore(task, place.due)) return;
    place.due = { turn: task.turn, id: task.id };
    this.#rise(lane.at);
  }

  /** The lane whose first task is next. */
  first(): Lane | undefined {
    for (;;) {
      const place = this.#places[0];
      if (place === undefined) return undefined;
      const task = place.lane.first();
      if (task === undefined) this.#dropFirst(place.lane);
      else if (goesBefore(place.due, task)) {
        place.due = { turn: task.turn, id: task.id };
        this.#sink();
      } else return place.lane;
    }
  }

  /** The same among the lanes of functions up to a number. */
  firstUpTo(horizon: number): Lane | undefined {
    let next: { lane: Lane; task: Task } | undefined;
    const open = [0];
    for (let at; (at = open.pop()) !== undefined;) {
      const place = this.#places[at];
      if (place === undefined || (next !== undefined && !goesBefore(place.due, next.task)))
        continue;
      const { lane } = place;
      const task = lane.fn <= horizon ? lane.first() : undefined;
      if (task !== undefined && (next === undefined || goesBefore(task, next.task)))
        next = { lane, task };
      open.push(2 * at + 1, 2 * at + 2);
    }
    return next?.lane;
  }

  #dropFirst(lane: Lane): void {
    const last = this.#places.pop();
    if (last !== undefined && this.#places.length > 0) {
      this.#put(last, 0);
      this.#sink();
    }
    this.#onEmpty(lane);
  }

  #rise(from: number): void {
    let at = from;
    const place = this.#places[at];
    if (place === undefined) return;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = this.#places[above];
      if (other === undefined || !goesBefore(place.due, other.due)) break;
      this.#put(other, at);
      at = above;
    }
    this.#put(place, at);
  }

  #sink(): void {
    let at = 0;
    const place = this.#places[at];
    if (place === undefined) return;
    for (;;) {
      let below = 2 * at + 1;
      let other = this.#places[below];
      const right = this.#places[below + 1];
      if (other !== undefined && right !== undefined && goesBefore(right.due, other.due)) {
        below++;
        other = right;
      }
      if (other === undefined || !goesBefore(other.due, place.due)) break;
      this.#put(other, at);
      at = below;
    }
    this.#put(place, at);
  }

  #put(place: Place, at: number): void {
    this.#places[at] = place;
    place.lane.at = at;
  }
}

export function goesBefore(one: Due, other: Due): boolean {
  return one.turn < other.turn || (one.turn === other.turn && one.id < other.id);
}
