import { QueueOutcome, type QueueShape } from '../../queue-contract.js';
import { handEnds, type BrokerEnd, type Port, type Queued } from '../broker-end.js';
import { CHANNEL_WINDOW, cost } from '../frames.js';
import { BrokerObject } from '../sync/broker-object.js';
import type { Act, QueueState } from '../sync/state.js';
import { Waiters } from '../sync/waiters.js';
import type { Made } from '../sync/words.js';
import type { Asker, Awaiter, Gift, Putter, Taker } from './askers.js';
import { Line } from './line.js';
import { costOfThose, type QueueMemory } from './memory.js';
import { Taken } from './taken.js';

/** What queues have of the broker. */
export interface QueueSurroundings {
  readonly memory: QueueMemory;
  /** For the ends in messages that are gone: see Broker. */
  settle(ends: readonly BrokerEnd[]): void;
}

/**
 * A queue, at the broker. A message is in it from the moment at which its put is answered: so what a process had put is there when
 * it dies, and a put that still waits goes with it.
 *
 * Who gets confirms each message when its `get` has it. A process that dies before has not got it, and the message goes back to its
 * place. One that dies just after it got it, before its word was on the line, leaves the message to be got once more: between
 * twice and never, twice is the better. A message on its way still has its place, so what comes back finds room.
 *
 * A joinable queue keeps what it has given until it is said to be done with, and puts it back when that process dies.
 */
export class BrokerQueue extends BrokerObject<QueueState> {
  readonly #end: BrokerEnd;
  readonly #shape: QueueShape;
  readonly #around: QueueSurroundings;
  readonly #line = new Line();
  readonly #taken: Taken | undefined;
  /** Processes that have it, and have not closed their side. */
  readonly #open = new Set<Port>();
  #lastSeq = 0;
  #unfinished = 0;
  #abandoned = 0;
  readonly #putters = new Waiters<Putter>();
  readonly #takers = new Waiters<Taker>();
  /** By what they wait for. */
  readonly #awaiters = { ready: new Waiters<Awaiter>(), done: new Waiters<Awaiter>() };
  #gifts = new Waiters<Gift>();
  /** What the gifts are counted for. */
  #given = { messages: 0, bytes: 0 };
  /** What the memory knows of what is kept. */
  #counted = 0;
  #replies: (() => void)[] = [];
  /** Ends that travelled in messages that are gone. */
  #released: BrokerEnd[] = [];

  constructor(end: BrokerEnd, made: Made, around: QueueSurroundings) {
    super(end.id, made);
    this.#end = end;
    this.#around = around;
    this.#shape = made.shape ?? { maxSize: 0, maxBytes: 0, onConsumerDied: undefined };
    const { onConsumerDied } = this.#shape;
    this.#taken = onConsumerDied === undefined ? undefined : new Taken(onConsumerDied);
  }

  override watch(port: Port): void {
    this.#open.add(port);
    super.watch(port);
  }

  override unwatch(port: Port): void {
    super.unwatch(port);
    if (this.#open.delete(port)) this.#goOn();
  }

  override carriedLess(): void {
    this.#goOn();
  }

  override die(): readonly Queued[] {
    super.die();
    const given = [...this.#gifts].flatMap(({ messages }) => messages);
    this.#gifts = new Waiters();
    this.#around.memory.change(this.#counted, 0);
    this.#counted = 0;
    return [...this.#line.takeAll(), ...given, ...(this.#taken?.takeAll() ?? [])];
  }

  put(putter: Putter): void {
    if (!this.#open.has(putter.port)) this.#reply(putter, QueueOutcome.Closed);
    else this.#putters.push(putter);
    this.#goOn(putter);
  }

  take(taker: Taker): void {
    this.#takers.push(taker);
    this.#goOn(taker);
  }

  await(awaiter: Awaiter): void {
    this.#awaiters[awaiter.until].push(awaiter);
    this.#goOn(awaiter);
  }

  /** Its time is over. When it is not here any more, our answer is on its way. */
  override drop(port: Port, token: number): void {
    for (const asking of this.#asking()) {
      const asker = asking.find(port, token);
      if (asker !== undefined) this.#giveUp(asker);
    }
    this.#goOn();
  }

  override got(port: Port, token: number, kept: boolean): void {
    const gift = this.#gifts.find(port, token);
    if (gift === undefined) return;
    this.#forgetGift(gift);
    if (!kept) this.#line.putBack(gift.messages);
    else this.#release(this.#taken?.add(port, gift.messages) ?? gift.messages);
    this.#goOn();
  }

  override gone(port: Port, orderly: boolean): void {
    for (const asking of this.#asking()) asking.takeOf(port);
    const gifts = this.#gifts.takeOf(port);
    for (const gift of gifts) this.#countGift(gift, -1);
    this.#line.putBack(gifts.flatMap(({ messages }) => messages));
    const { back = [], done = 0 } = this.#taken?.bury(port) ?? {};
    this.#line.putBack(back);
    this.#unfinished = Math.max(0, this.#unfinished - done);
    this.#abandoned += done;
    super.gone(port, orderly);
    this.#goOn();
  }

  protected override hasStake(port: Port): boolean {
    return this.#taken?.has(port) === true || this.#gifts.hasOf(port);
  }

  protected override serve(): boolean {
    return false;
  }

  protected done(port: Port, act: Act): void {
    if (act.do === 'close') this.#close(port);
    else {
      this.#unfinished -= 1;
      const finished = this.#taken?.finish(port);
      if (finished !== undefined) this.#release([finished]);
    }
    this.#move();
  }

  protected override sendMore(): void {
    const replies = this.#replies;
    this.#replies = [];
    for (const reply of replies) reply();
    const released = this.#released;
    this.#released = [];
    if (released.length > 0) this.#around.settle(released);
  }

  #goOn(arrived?: Asker): void {
    const before = this.state;
    this.#move();
    if (arrived?.once === true) this.#giveUp(arrived);
    this.publish(before);
  }

  /** Until nothing can go on: who puts, who gets, who waits for either. */
  #move(): void {
    this.#count();
    while (this.#admit() || this.#give());
    const now = {
      kind: 'queue',
      size: this.#line.length,
      unfinished: this.#unfinished,
      abandoned: this.#abandoned,
    } as const;
    if (!isSame(this.state, now)) this.state = now;
    const { ready, done } = this.#awaiters;
    if (this.#unfinished === 0) this.#answer(done, QueueOutcome.Done);
    if (this.#line.length > 0) this.#answer(ready, QueueOutcome.Done);
    else if (this.#isDry()) {
      const ended = ({ port }: Asker): boolean => this.#taken?.mayComeBackTo(port) !== true;
      this.#answer(ready, QueueOutcome.Done, ended);
      this.#answer(this.#takers, QueueOutcome.Closed, ended);
    }
  }

  #answer<A extends Asker>(
    asking: Waiters<A>,
    outcome: QueueOutcome,
    concerns: (asker: A) => boolean = () => true,
  ): void {
    for (const asker of [...asking].filter(concerns)) {
      asking.delete(asker);
      this.#reply(asker, outcome);
    }
  }

  /** In the order of their arrival: a short message does not pass a long one. */
  #admit(): boolean {
    const { first } = this.#putters;
    if (first === undefined) return false;
    if (!this.#fits(first.bytes.byteLength)) return false;
    // There is no memory to wait for: nobody may ever get what takes it.
    if (!this.#around.memory.hasRoomFor(first)) {
      this.#putters.delete(first);
      this.#refuse(first);
      return true;
    }
    this.#putters.delete(first);
    this.#lastSeq += 1;
    const { bytes, handles } = first;
    const message = { seq: this.#lastSeq, bytes, handles, writer: undefined, reader: this.#end };
    for (const handle of handles) handle.travel(message);
    this.#line.push(message);
    this.#count();
    if (this.#taken !== undefined) this.#unfinished += 1;
    this.#reply(first, QueueOutcome.Done);
    return true;
  }

  #fits(bytes: number): boolean {
    const { maxSize, maxBytes } = this.#shape;
    const { messages, bytes: givenBytes } = this.#given;
    if (maxSize > 0 && this.#line.length + messages >= maxSize) return false;
    return maxBytes === 0 || this.#line.bytes + givenBytes + bytes <= maxBytes;
  }

  #give(): boolean {
    const { first } = this.#takers;
    if (first === undefined || this.#line.length === 0) return false;
    this.#takers.delete(first);
    const messages: Queued[] = [];
    // So much at a time, that no answer is longer than what a process has on its way to the broker.
    for (let size = 0; messages.length < first.max && size < CHANNEL_WINDOW;) {
      const next = this.#line.shift();
      if (next === undefined) break;
      messages.push(next);
      size += cost(next);
    }
    const { port, token, once } = first;
    const gift = { port, token, once, messages };
    this.#gifts.push(gift);
    this.#countGift(gift, 1);
    this.#replies.push(() => {
      this.#hand(gift);
    });
    return true;
  }

  #hand({ port, token, messages }: Gift): void {
    messages.forEach(({ bytes, handles }, index) => {
      const handed = handEnds(handles, port);
      const last = index === messages.length - 1;
      port.send({ op: 'given', end: this.id, token, bytes, handles: handed, last });
    });
  }

  #forgetGift(gift: Gift): void {
    this.#gifts.delete(gift);
    this.#countGift(gift, -1);
  }

  #countGift({ messages }: Gift, sign: 1 | -1): void {
    this.#given.messages += sign * messages.length;
    for (const { bytes } of messages) this.#given.bytes += sign * bytes.byteLength;
  }

  /** All that is in it, on its way to somebody, or kept for redelivery. */
  #count(): void {
    const { messages, bytes } = this.#given;
    const kept = costOfThose(this.#line.length + messages, this.#line.bytes + bytes);
    const now = kept + (this.#taken?.cost ?? 0);
    this.#around.memory.change(this.#counted, now);
    this.#counted = now;
  }

  /** Nothing is left to get, and nobody, also no reader of a message that carries it, who could put. To some processes something may come back. */
  #isDry(): boolean {
    return (
      this.#line.length === 0 &&
      this.#gifts.size === 0 &&
      this.#open.size === 0 &&
      this.#end.carriers.size === 0
    );
  }

  #close(port: Port): void {
    this.#open.delete(port);
    for (const putter of this.#putters.takeOf(port)) this.#reply(putter, QueueOutcome.Closed);
  }

  #asking(): Waiters<Asker>[] {
    const { ready, done } = this.#awaiters;
    return [this.#putters, this.#takers, ready, done];
  }

  /** Nothing, where it has its answer. */
  #giveUp(asker: Asker): void {
    const waited = this.#asking().some((asking) => asking.delete(asker));
    if (waited) this.#reply(asker, QueueOutcome.TimedOut);
  }

  #reply({ port, token }: Asker, outcome: QueueOutcome): void {
    this.#replies.push(() => {
      port.send({ op: 'settled', end: this.id, token, outcome });
    });
  }

  #refuse({ port, token }: Putter): void {
    this.#replies.push(() => {
      port.send({ op: 'refused', end: this.id, token });
    });
  }

  /** Messages that are gone for good. */
  #release(messages: readonly Queued[]): void {
    for (const message of messages) {
      for (const handle of message.handles) {
        handle.carriers.delete(message);
        this.#released.push(handle);
      }
    }
  }
}

function isSame(one: QueueState, other: QueueState): boolean {
  const { size, unfinished, abandoned } = one;
  return size === other.size && unfinished === other.unfinished && abandoned === other.abandoned;
}
