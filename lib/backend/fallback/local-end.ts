import type { Message } from '../contract.js';
import type { Wait } from '../../base/options.js';
import { ClosedError, EndOfFileError } from '../../errors.js';
import { Asked } from './asked.js';
import type { EndTable } from './end-table.js';
import { Fifo } from './fifo.js';
import { READ_AHEAD, cost, type EndId, type Reply } from './frames.js';
import { Outbox } from './outbox.js';
import { isAboutObject, type LocalObject } from './sync/local-object.js';

/** A message that has arrived and waits for a `recv`. */
export interface Arrived {
  readonly seq: number;
  readonly message: Message;
}

/** What this process knows of an end that it holds: its part of the conversation with the broker. */
export class LocalEnd {
  readonly id: EndId;
  /** What it names, when it is no channel's. */
  shared: LocalObject | undefined;
  readonly #table: EndTable;
  /** Channels and transfers of this process; the end is given up with the last of them. */
  #references = 0;
  /** How often the broker has handed it to this process. */
  #holds = 0;
  #ended = false;

  readonly #arrived = new Fifo<Arrived>();
  readonly #readers = new Fifo<Asked<Message>>();
  /** Those of them that have not given up. */
  readonly #wanting = new Set<Asked<Message>>();
  /** With the token under which the broker was asked. */
  readonly #lookers = new Map<Asked<boolean>, number>();
  /** Messages come without being asked for. */
  #streaming = false;
  /** Counts the changes of `#streaming`: an answer from before the latest one changes no counts. */
  #era = 0;
  /** `want`s that have not been answered by a message, and `unwant`s that have not been answered, in this era. */
  #wants = 0;
  #unwants = 0;
  /** Consumed of what was sent ahead, and not told yet. */
  #taken = 0;

  readonly #outbox: Outbox;

  constructor(id: EndId, table: EndTable) {
    this.id = id;
    this.#table = table;
    this.#outbox = new Outbox(id, table);
  }

  /** The broker has handed it to us (once more), for one reference. */
  received(broken: boolean): void {
    this.#holds += 1;
    this.#references += 1;
    if (broken) this.#outbox.breakPipe();
  }

  refer(): void {
    this.#references += 1;
  }

  unrefer(): void {
    this.#references -= 1;
    if (this.#references === 0) this.#giveUp();
  }

  /** A reference goes, and a hold with it, which the broker knows already. */
  surrender(): void {
    this.#holds -= 1;
    this.unrefer();
  }

  send(owner: object, message: Message, wait: Wait): Promise<void> {
    return this.#outbox.send(owner, message, wait);
  }

  /** What has arrived and is spoken for by nobody. */
  take(): Message | undefined {
    const next = this.#readers.size === 0 ? this.#arrived.first : undefined;
    if (next === undefined) return undefined;
    this.#arrived.delete(next);
    this.#consumed(next);
    return next.message;
  }

  recv(owner: object, wait: Wait): Promise<Message> {
    const here = this.take();
    if (here !== undefined) return Promise.resolve(here);
    if (this.#ended) return Promise.reject(this.#endOfFile());
    const reader = new Asked<Message>(owner, wait, this.#table.liveness);
    this.#readers.push(reader);
    this.#wanting.add(reader);
    this.#adjustWants();
    reader.watch(() => {
      this.#withdraw(reader);
    });
    return reader.promise;
  }

  /** True when something can be received at once; else only the broker knows. */
  look(): true | undefined {
    return this.#ended || this.#arrived.size > 0 ? true : undefined;
  }

  poll(owner: object, wait: Wait): Promise<boolean> {
    if (this.look()) return Promise.resolve(true);
    const looker = new Asked<boolean>(owner, wait, this.#table.liveness);
    const token = this.#table.token();
    this.#lookers.set(looker, token);
    this.#table.expect(token, (yes) => {
      this.#lookers.delete(looker);
      if (yes || looker.timedOut) looker.resolve(yes);
      else looker.reject(looker.reason);
    });
    this.#table.request({ op: 'look', end: this.id, token });
    looker.watch(() => {
      this.#table.request({ op: 'unlook', end: this.id, token });
    });
    return looker.promise;
  }

  /** The channel is closed: what waits through it is rejected. Its reference is given up by the caller. */
  abandon(owner: object): void {
    const closed = new ClosedError('the channel was closed');
    const mine = (waiting: { owner: object }): boolean => waiting.owner === owner;
    this.#outbox.abandon(owner, closed);
    for (const looker of this.#takeLookers(mine)) looker.reject(closed);
    for (const reader of [...this.#readers].filter(mine)) {
      this.#leave(reader);
      reader.reject(closed);
    }
    this.#adjustWants();
  }

  handle(reply: Extract<Reply, { end: EndId }>): void {
    if (reply.op === 'push') this.#arrive(this.#table.arrived(reply));
    else if (reply.op === 'stream') this.#begin(true);
    else if (reply.op === 'recall') this.#recalled();
    else if (reply.op === 'credit') this.#outbox.credited(reply.size);
    else if (reply.op === 'broken') this.#outbox.breakPipe();
    else if (reply.op === 'ended') this.#end();
    else if (isAboutObject(reply)) this.shared?.handle(reply);
  }

  /** The broker is lost. What has arrived can still be read. */
  lose(): void {
    this.#holds = 0;
    this.#begin(false);
    this.#outbox.breakPipe();
    this.#end();
    this.shared?.lose();
  }

  #arrive(arrived: Arrived): void {
    // Another reader may have given a message back after the end of the stream was told.
    this.#ended = false;
    if (!this.#streaming) this.#wants = Math.max(0, this.#wants - 1);
    const reader = this.#readers.first;
    if (reader !== undefined) {
      this.#leave(reader);
      this.#consumed(arrived);
      reader.resolve(arrived.message);
      this.#adjustWants();
    } else if (this.#streaming) {
      this.#arrived.push(arrived);
      for (const looker of this.#takeLookers()) looker.resolve(true);
    } else this.#table.sendBack(this.id, arrived);
  }

  #consumed({ message }: Arrived): void {
    if (!this.#streaming) return;
    this.#taken += cost(message);
    if (this.#taken < READ_AHEAD / 4) return;
    this.#table.request({ op: 'taken', end: this.id, size: this.#taken });
    this.#taken = 0;
  }

  /**
   * A timeout or an abort is answered only when the broker has confirmed that no message is on its way, so none is lost and
   * none is overtaken. A message that was on its way is the outcome then.
   */
  #withdraw(reader: Asked<Message>): void {
    this.#wanting.delete(reader);
    this.#unwant(() => {
      if (this.#leave(reader)) reader.reject(reader.reason);
    });
  }

  #leave(reader: Asked<Message>): boolean {
    this.#wanting.delete(reader);
    return this.#readers.delete(reader);
  }

  #unwant(answered: () => void): void {
    const token = this.#table.token();
    const era = this.#era;
    this.#unwants += 1;
    this.#table.expect(token, (removed) => {
      if (era === this.#era) {
        this.#unwants -= 1;
        if (removed) this.#wants -= 1;
      }
      answered();
      this.#adjustWants();
    });
    this.#table.request({ op: 'unwant', end: this.id, token });
  }

  /** One `want` for each reader that still wants, and none too many: another process may be waiting for the message. */
  #adjustWants(): void {
    if (this.#streaming || this.#ended) return;
    // An `unwant` that was too late takes nothing away.
    const missing = this.#wanting.size - Math.max(0, this.#wants - this.#unwants);
    if (missing > 0) {
      this.#wants += missing;
      this.#table.request({ op: 'want', end: this.id, count: missing });
    }
    for (let surplus = -missing; surplus > 0; surplus -= 1) {
      this.#unwant(() => undefined);
    }
  }

  #begin(streaming: boolean): void {
    this.#streaming = streaming;
    this.#era += 1;
    this.#wants = 0;
    this.#unwants = 0;
    this.#taken = 0;
  }

  /** Another process is about to read here too: what nobody consumed goes back, and from now on each message is asked for. */
  #recalled(): void {
    this.#begin(false);
    // It had ended after what goes back now.
    this.#ended = false;
    this.#returnArrived();
    this.#wants = this.#wanting.size;
    this.#table.request({ op: 'returned', end: this.id, wants: this.#wants });
  }

  #returnArrived(): void {
    for (const arrived of this.#takeArrived()) this.#table.sendBack(this.id, arrived);
  }

  #end(): void {
    this.#ended = true;
    for (const looker of this.#takeLookers()) looker.resolve(true);
    for (const reader of [...this.#readers]) {
      this.#leave(reader);
      reader.reject(this.#endOfFile());
    }
  }

  #giveUp(): void {
    this.#table.forget(this);
    this.#begin(false);
    const holds = this.#holds;
    if (holds === 0) {
      for (const { message } of this.#takeArrived()) {
        for (const handle of message.handles) handle.discard();
      }
      return;
    }
    if (this.#arrived.size > 0) this.#table.request({ op: 'halt', end: this.id });
    this.#returnArrived();
    this.#table.request({ op: 'close', end: this.id, holds });
  }

  #takeLookers(matches: (looker: Asked<boolean>) => boolean = () => true): Asked<boolean>[] {
    const taken = [...this.#lookers.keys()].filter(matches);
    for (const looker of taken) {
      this.#table.unexpect(this.#lookers.get(looker) as number);
      this.#lookers.delete(looker);
    }
    return taken;
  }

  #takeArrived(): Arrived[] {
    const all = [...this.#arrived];
    for (const arrived of all) this.#arrived.delete(arrived);
    return all;
  }

  #endOfFile(): EndOfFileError {
    return new EndOfFileError(
      'the other end of the channel is closed and everything sent has been read',
    );
  }
}
