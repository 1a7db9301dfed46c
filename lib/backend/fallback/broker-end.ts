import {
  CHANNEL_WINDOW,
  READ_AHEAD,
  Parts,
  cost,
  type EndId,
  type HandedEnd,
  type ProcessId,
  type Reply,
} from './frames.js';
import type { BrokerObject } from './sync/broker-object.js';

/** A writer gets its credit back in portions of this size. */
const CREDIT_PORTION = CHANNEL_WINDOW / 4;

/** A process, as the broker knows it. */
export class Port {
  readonly process: ProcessId;
  /** Past the states of shared objects that it has not been told yet. */
  readonly sendAlone: (reply: Reply) => void;
  /** The ends it holds. */
  readonly ends = new Set<BrokerEnd>();
  readonly parts = new Parts();
  /** Shared objects that its end would mean something to. */
  readonly stakes = new Set<BrokerObject>();
  readonly untold = new Set<{ tell(): void }>();
  /** It has said that it is about to end. */
  leaving = false;

  constructor(process: ProcessId, send: (reply: Reply) => void) {
    this.process = process;
    this.sendAlone = send;
  }

  send(reply: Reply): void {
    this.tellStates();
    this.sendAlone(reply);
  }

  tellStates(): void {
    if (this.untold.size === 0) return;
    const untold = [...this.untold];
    this.untold.clear();
    for (const one of untold) one.tell();
  }
}

/** A process's hold on an end. */
export interface Hold {
  readonly port: Port;
  /** How often the end was handed to the process. */
  count: number;
  /** Sent ahead of its requests and not consumed yet, as far as we know. */
  ahead: number;
  /** Credit for delivered messages that the process, their writer, has not been given back. */
  credit: number;
  /** Tokens of its `look`s. */
  looks: number[];
}

/** A message that waits to be read. It holds the ends that travel in it. */
export interface Queued {
  readonly seq: number;
  readonly bytes: Uint8Array;
  readonly handles: readonly BrokerEnd[];
  readonly writer: Hold | undefined;
  /** Where it is read. */
  readonly reader: BrokerEnd;
}

/** The ends in a message become the process's that it is handed to. */
export function handEnds(handles: readonly BrokerEnd[], port: Port): HandedEnd[] {
  for (const handle of handles) if (!handle.dead) handle.hold(port);
  return handles.map(({ id, dead, peer, shared }) => ({
    end: id,
    broken: dead || peer.dead,
    shared: dead ? undefined : shared?.snapshotFor(port),
  }));
}

/** One end of a channel: who holds it, and the messages that wait to be read there. */
export class BrokerEnd {
  readonly id: EndId;
  peer: BrokerEnd = this;
  /** Nobody holds it, and nobody ever will. */
  dead = false;
  /** What it names, when it is no channel's. */
  shared: BrokerObject | undefined;
  readonly holds = new Map<Port, Hold>();
  /** The messages in which it travels. */
  readonly carriers = new Set<Queued>();
  queue: Queued[] = [];
  #lastSeq = 0;
  /** One entry per `want`, in the order of their arrival. */
  #wanting: Hold[] = [];
  /** The only reader, which gets messages ahead of its requests. */
  #streaming: Hold | undefined;
  /** A former only reader that has not given back yet what it did not consume. Nobody reads meanwhile. */
  #recalling: Port | undefined;

  constructor(id: EndId) {
    this.id = id;
  }

  /** Everything has been read, and nobody can send any more. */
  get ended(): boolean {
    return this.peer.dead && this.queue.length === 0 && this.#recalling === undefined;
  }

  /** Whether a process holds it, or can come to hold it by reading the messages in which it travels. */
  get reachable(): boolean {
    const seen = new Set<BrokerEnd>([this]);
    for (const end of seen) {
      if (end.holds.size > 0) return true;
      for (const { reader } of end.carriers) seen.add(reader);
    }
    return false;
  }

  hold(port: Port): void {
    const hold = this.holds.get(port);
    if (hold !== undefined) {
      hold.count += 1;
      return;
    }
    this.holds.set(port, { port, count: 1, ahead: 0, credit: 0, looks: [] });
    port.ends.add(this);
    this.shared?.watch(port);
  }

  drop(port: Port, count: number): void {
    const hold = this.holds.get(port);
    if (hold === undefined) return;
    hold.count -= count;
    if (hold.count > 0) return;
    this.#withdraw(hold);
    if (this.#streaming === hold) this.#streaming = undefined;
    this.holds.delete(port);
    port.ends.delete(this);
    this.shared?.unwatch(port);
  }

  /** The process has no requests left. When the end is on its way to it once more, it begins afresh there. */
  close(port: Port, count: number): void {
    const hold = this.holds.get(port);
    if (hold !== undefined) this.#withdraw(hold);
    this.drop(port, count);
    if (this.#streaming?.port === port) this.#recall();
  }

  /** The process has ended: nothing comes back from it. */
  forget(port: Port): void {
    if (this.#recalling === port) this.#recalling = undefined;
    this.drop(port, Infinity);
  }

  accept(message: Omit<Queued, 'seq' | 'reader'>): void {
    this.#lastSeq += 1;
    const { bytes, handles, writer } = message;
    const queued: Queued = { seq: this.#lastSeq, bytes, handles, writer, reader: this };
    for (const handle of queued.handles) handle.travel(queued);
    this.queue.push(queued);
    this.deliver();
  }

  /** A delivered message comes back, to its place in the line. */
  takeBack(message: Omit<Queued, 'reader' | 'writer'>): void {
    const queued: Queued = { ...message, writer: undefined, reader: this };
    for (const handle of queued.handles) handle.travel(queued);
    const at = this.queue.findIndex(({ seq }) => seq > queued.seq);
    this.queue.splice(at === -1 ? this.queue.length : at, 0, queued);
    this.deliver();
  }

  want(hold: Hold, count: number): void {
    if (this.#streaming === hold) return;
    if (this.ended) {
      hold.port.send({ op: 'ended', end: this.id });
      return;
    }
    if (this.#hasOneReader && this.#recalling === undefined) {
      this.#wanting = [];
      this.#streaming = hold;
      hold.ahead = 0;
      hold.port.send({ op: 'stream', end: this.id });
    } else {
      for (let more = count; more > 0; more -= 1) this.#wanting.push(hold);
    }
    this.deliver();
  }

  unwant(hold: Hold): boolean {
    const at = this.#wanting.lastIndexOf(hold);
    if (at !== -1) this.#wanting.splice(at, 1);
    return at !== -1;
  }

  look(hold: Hold, token: number): void {
    if (this.ended) hold.port.send({ op: 'ended', end: this.id });
    else if (this.#hasMessage) hold.port.send({ op: 'ready', end: this.id, token, yes: true });
    else hold.looks.push(token);
  }

  unlook(hold: Hold, token: number): void {
    if (!hold.looks.includes(token)) return;
    hold.looks = hold.looks.filter((look) => look !== token);
    hold.port.send({ op: 'ready', end: this.id, token, yes: false });
  }

  taken(hold: Hold, size: number): void {
    if (this.#streaming !== hold) return;
    hold.ahead -= size;
    this.deliver();
  }

  halt(hold: Hold): void {
    if (this.#streaming === hold) this.#recall();
  }

  returned(port: Port, wants: number): void {
    if (this.#recalling !== port) return;
    this.#recalling = undefined;
    const hold = this.holds.get(port);
    if (hold !== undefined) this.#wanting = this.#wanting.filter((wanting) => wanting !== hold);
    if (hold !== undefined && wants > 0) this.want(hold, wants);
    else this.deliver();
  }

  /** Hands out what can be handed out, and says so when it was the last. */
  deliver(): void {
    while (this.#hasMessage) {
      const ready = this.#streaming ?? this.#wanting[0];
      if (ready === undefined || (ready === this.#streaming && ready.ahead >= READ_AHEAD)) break;
      if (ready !== this.#streaming) this.#wanting.shift();
      this.#push(ready, this.queue.shift() as Queued);
    }
    if (this.#hasMessage) {
      for (const hold of this.holds.values()) this.#tellReady(hold);
    } else if (this.ended) {
      this.#wanting = [];
      for (const hold of this.holds.values()) {
        hold.looks = [];
        hold.port.send({ op: 'ended', end: this.id });
      }
    }
  }

  get #hasMessage(): boolean {
    return this.queue.length > 0 && this.#recalling === undefined;
  }

  get #hasOneReader(): boolean {
    return this.holds.size === 1 && this.carriers.size === 0;
  }

  #push(hold: Hold, message: Queued): void {
    const { seq, bytes, handles, writer } = message;
    for (const handle of handles) handle.carriers.delete(message);
    const handed = handEnds(handles, hold.port);
    hold.port.send({ op: 'push', end: this.id, seq, bytes, handles: handed });
    if (hold === this.#streaming) {
      hold.ahead += cost(message);
      this.#tellReady(hold);
    }
    if (writer !== undefined) this.peer.#giveCredit(writer, cost(message));
  }

  #withdraw(hold: Hold): void {
    this.#wanting = this.#wanting.filter((wanting) => wanting !== hold);
    hold.looks = [];
  }

  #tellReady(hold: Hold): void {
    const { looks, port } = hold;
    hold.looks = [];
    for (const token of looks) port.send({ op: 'ready', end: this.id, token, yes: true });
  }

  #giveCredit(writer: Hold, size: number): void {
    writer.credit += size;
    if (writer.credit < CREDIT_PORTION || this.holds.get(writer.port) !== writer) return;
    writer.port.send({ op: 'credit', end: this.id, size: writer.credit });
    writer.credit = 0;
  }

  /** The end is on its way to somebody else, so its only reader is the only one no more. */
  travel(carrier: Queued): void {
    if (this.dead) return;
    this.carriers.add(carrier);
    this.#recall();
  }

  #recall(): void {
    if (this.#streaming === undefined) return;
    this.#recalling = this.#streaming.port;
    this.#streaming = undefined;
    this.#recalling.send({ op: 'recall', end: this.id });
  }
}
