import { SyncOutcome } from '../../sync-contract.js';
import type { Port, Queued } from '../broker-end.js';
import type { EndId } from '../frames.js';
import { after, firstState, type Act, type State } from './state.js';
import { Waiters } from './waiters.js';
import type { Answer, Made, Snapshot, Want } from './words.js';

/** Somebody who asked. */
export interface Waiter {
  readonly port: Port;
  readonly token: number;
  /** Answered now, whatever the answer is. */
  readonly once: boolean;
  readonly want: Want;
}

/** A process that holds the object, and what it has been told. */
class Watcher {
  readonly port: Port;
  applied = 0;
  readonly #object: BrokerObject;
  /** It has not said that it has seen the latest state that it was sent; the next one waits, and replaces any in between. */
  #unseen = false;

  constructor(port: Port, object: BrokerObject) {
    this.port = port;
    this.#object = object;
  }

  changed(): void {
    this.port.untold.add(this);
    if (!this.#unseen) this.port.tellStates();
  }

  /** Also before anything else is sent there: what the process hears never contradicts what it can see. */
  tell(): void {
    this.#unseen = true;
    const { id, state } = this.#object;
    this.port.sendAlone({ op: 'state', end: id, state, applied: this.applied });
  }

  seen(): void {
    this.#unseen = false;
    if (this.port.untold.has(this)) this.port.tellStates();
  }
}

/**
 * A shared object, at the broker: the truth about it, who waits for it in the order of arrival, and what has been given away
 * but has not arrived yet, so that nothing is lost with a process that dies in between.
 */
export abstract class BrokerObject<S extends State = State> {
  readonly id: EndId;
  readonly made: Made;
  state: S;
  protected readonly waiting = new Waiters<Waiter>();
  readonly #watchers = new Map<Port, Watcher>();
  readonly #stakeholders = new Set<Port>();
  #gifts = new Waiters<Waiter>();
  #answers: { waiter: Waiter; answer: Answer; gift: boolean }[] = [];

  constructor(id: EndId, made: Made) {
    this.id = id;
    this.made = made;
    this.state = firstState(made) as S;
  }

  /** The process holds it now. */
  watch(port: Port): void {
    this.#watchers.set(port, new Watcher(port, this));
    this.#stakeholders.add(port);
    port.stakes.add(this);
  }

  /** It does no more; what it has of the object, a lock for instance, it keeps. */
  unwatch(port: Port): void {
    const watcher = this.#watchers.get(port);
    if (watcher === undefined) return;
    this.#watchers.delete(port);
    port.untold.delete(watcher);
    if (!this.hasStake(port)) this.#unstake(port);
  }

  /** Nobody can reach it any more. Answers the messages that go with it. */
  die(): readonly Queued[] {
    for (const port of [...this.#stakeholders]) this.#unstake(port);
    return [];
  }

  /** Fewer messages carry it than before. */
  carriedLess(): void {
    // Most objects do not ask who may come to hold them.
  }

  snapshotFor(port: Port): Snapshot {
    const applied = this.#watchers.get(port)?.applied ?? 0;
    return { made: this.made, state: this.state, applied };
  }

  act(port: Port, n: number, act: Act): void {
    const watcher = this.#watchers.get(port);
    if (watcher !== undefined) watcher.applied = n;
    const before = this.state;
    const next = after(before, act, port.process, this.made) as S | undefined;
    if (next === undefined) port.send({ op: 'wrong', end: this.id, act });
    else {
      this.state = next;
      this.done(port, act);
    }
    this.publish(before, watcher);
  }

  ask(waiter: Waiter): void {
    const before = this.state;
    if (!this.serve(waiter)) {
      if (waiter.once) this.expire(waiter);
      else this.waiting.push(waiter);
    }
    this.publish(before);
  }

  drop(port: Port, token: number): void {
    const before = this.state;
    const waiter = this.waiting.find(port, token);
    if (waiter === undefined) this.dropAnswered(port, token);
    else {
      this.waiting.delete(waiter);
      this.expire(waiter);
    }
    this.publish(before);
  }

  got(port: Port, token: number, kept: boolean): void {
    const gift = this.#gifts.find(port, token);
    if (gift === undefined) return;
    this.#gifts.delete(gift);
    if (kept) return;
    const before = this.state;
    this.takeBack(gift);
    this.publish(before);
  }

  seen(port: Port): void {
    this.#watchers.get(port)?.seen();
  }

  /** The process has ended; `orderly` when it said so before. */
  gone(port: Port, orderly: boolean): void {
    const before = this.state;
    const hadIt = this.#watchers.has(port);
    this.unwatch(port);
    this.#unstake(port);
    const undelivered = this.#gifts.takeOf(port);
    this.waiting.takeOf(port);
    for (const gift of undelivered) this.takeBack(gift);
    this.bury(port, hadIt && !orderly);
    this.publish(before);
  }

  /** Whether the process's end would change something, although it holds no handle. */
  protected hasStake(_port: Port): boolean {
    return false;
  }

  /** Gives the waiter what it wants, if that is there. */
  protected abstract serve(waiter: Waiter): boolean;

  /** After an act: whoever can go on now does. */
  protected abstract done(port: Port, act: Act): void;

  /** A gift that nobody got. */
  protected takeBack(_gift: Waiter): void {
    // What is not given as a gift does not come back.
  }

  /** `broken`: it had the object open, and did not say that it would end. */
  protected bury(_port: Port, _broken: boolean): void {
    // Most objects have nothing left of a process.
  }

  protected expire(waiter: Waiter): void {
    this.answer(waiter, SyncOutcome.TimedOut);
  }

  /** A waiter that has its answer stops waiting: the answer wins, whichever it is. */
  protected dropAnswered(_port: Port, _token: number): void {
    // It crossed our answer.
  }

  protected answer(waiter: Waiter, outcome: SyncOutcome, index = 0): void {
    this.#answers.push({ waiter, answer: { outcome, index }, gift: false });
  }

  protected give(waiter: Waiter, outcome: SyncOutcome): void {
    this.#gifts.push(waiter);
    this.#answers.push({ waiter, answer: { outcome, index: 0 }, gift: true });
  }

  protected forgetGifts(): void {
    this.#gifts = new Waiters();
  }

  /** Serves those who wait, from the front, until one of them has to go on waiting. */
  protected serveWaiting(): void {
    for (;;) {
      const { first } = this.waiting;
      if (first === undefined || !this.serve(first)) return;
      this.waiting.delete(first);
    }
  }

  #unstake(port: Port): void {
    this.#stakeholders.delete(port);
    port.stakes.delete(this);
  }

  /** What is to be sent once the state has been told. */
  protected sendMore(): void {
    // Most objects have answers only.
  }

  /** After each change: whoever holds it is told the state, and then whoever asked the answer. */
  protected publish(before: S, actor?: Watcher): void {
    if (this.state !== before) for (const watcher of this.#watchers.values()) watcher.changed();
    else actor?.changed();
    const answers = this.#answers;
    this.#answers = [];
    for (const { waiter, answer, gift } of answers) {
      waiter.port.send({ op: 'answer', end: this.id, token: waiter.token, answer, gift });
    }
    this.sendMore();
  }
}
