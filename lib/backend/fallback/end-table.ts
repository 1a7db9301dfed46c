import { randomBytes } from 'node:crypto';
import type { Message } from '../contract.js';
import { ChannelTransfer } from './channel-transfer.js';
import {
  controlOf,
  ends,
  Parts,
  type EndId,
  type HandedEnd,
  type Part,
  type ProcessId,
  type Reply,
  type Request,
} from './frames.js';
import { Liveness } from '../../base/liveness.js';
import { LocalEnd, type Arrived } from './local-end.js';
import { brokenPipe } from './outbox.js';
import { Reference } from './reference.js';
import { LocalQueue } from './queues/local-queue.js';
import { LocalObject } from './sync/local-object.js';
import type { Made, Snapshot } from './sync/words.js';

/** How a process reaches the broker. */
export interface Uplink {
  readonly process: ProcessId;
  /** Whether a frame can still be lost after it was written, because a process in between passes it on. */
  readonly lossy: boolean;
  request(request: Request, written?: () => void): void;
  /**
   * Where the broker is in this very process: deals with all that waits to be dealt with, so that what is asked next is answered
   * at once. False elsewhere, and in the midst of it.
   */
  catchUp(): boolean;
}

interface Dispatched {
  readonly end: EndId;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Unique on this machine without asking anybody. */
const prefix = `${process.pid.toString(36)}-${randomBytes(6).toString('base64url')}-`;
let lastId = 0;

export function uniqueId(): string {
  lastId += 1;
  return prefix + lastId.toString(36);
}

/** The ends that this process holds, and its conversation with the broker about them. */
export class EndTable {
  readonly liveness = new Liveness();
  readonly #uplink: Uplink;
  readonly #ends = new Map<EndId, LocalEnd>();
  #parts = new Parts();
  #lastToken = 0;
  readonly #expected = new Map<number, (yes: boolean) => void>();
  readonly #dispatched = new Map<number, Dispatched>();

  constructor(uplink: Uplink) {
    this.#uplink = uplink;
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Known to the broker before any later frame of this process can name it. */
  openPair(): [Reference, Reference] {
    const channel = uniqueId();
    const [left, right] = ends(channel);
    this.request({ op: 'open', channel });
    return [this.#receive(left, false), this.#receive(right, false)];
  }

  /** Our end of the line to a child. */
  openControl(child: ProcessId): Reference {
    const channel = controlOf(child);
    this.request({ op: 'open', channel, to: child });
    return this.#receive(ends(channel)[0], false);
  }

  /** The child's end of that line, which its parent has opened. */
  adoptControl(self: ProcessId): Reference {
    return this.#receive(ends(controlOf(self))[1], false);
  }

  /** A shared object that only this process knows so far. */
  openObject(made: Made): Reference {
    const [end] = ends(uniqueId());
    this.request({ op: 'make', end, made });
    return this.#receive(end, false, LocalObject.fresh(made));
  }

  /** The name under which the broker knows this process. */
  get process(): ProcessId {
    return this.#uplink.process;
  }

  catchUp(): boolean {
    return this.#uplink.catchUp();
  }

  request(request: Request, written?: () => void): void {
    this.#uplink.request(request, written);
  }

  /** Sends a message, which consumes its handles. Resolves when it cannot be lost any more. */
  dispatch(end: EndId, { bytes, handles }: Message): Promise<void> {
    const travelling = handles.map((handle) => (handle as ChannelTransfer).claim());
    const number = this.token();
    const sent = new Promise<void>((resolve, reject) => {
      this.#dispatched.set(number, { end, resolve, reject });
    });
    this.liveness.hold();
    const ids = travelling.map((reference) => reference.end.id);
    const ack = this.#uplink.lossy ? { ack: number } : {};
    this.request({ op: 'message', end, bytes, handles: ids, ...ack }, () => {
      // Not before: the message must hold the ends when we give them up.
      for (const reference of travelling) reference.release();
      if (!('ack' in ack)) this.#settle(number);
    });
    return sent;
  }

  token(): number {
    this.#lastToken += 1;
    return this.#lastToken;
  }

  /** `answer` runs with the broker's answer to the request of this token. */
  expect(token: number, answer: (yes: boolean) => void): void {
    this.#expected.set(token, answer);
  }

  unexpect(token: number): void {
    this.#expected.delete(token);
  }

  /** A message, with the ends that came in it made ours. */
  arrived({ seq, bytes, handles }: Extract<Reply, { op: 'push' }>): Arrived {
    return { seq, message: { bytes, handles: this.adopt(handles) } };
  }

  adopt(handles: readonly HandedEnd[]): ChannelTransfer[] {
    return handles.map(
      ({ end, broken, shared }) => new ChannelTransfer(this.#receive(end, broken, shared)),
    );
  }

  /** Gives a message back that nobody here consumes. */
  sendBack(end: EndId, { seq, message }: Arrived): void {
    const references = message.handles.map((handle) => (handle as ChannelTransfer).claim());
    const handles = references.map((reference) => reference.end.id);
    this.request({ op: 'back', end, seq, bytes: message.bytes, handles });
    for (const reference of references) reference.surrender();
  }

  forget(end: LocalEnd): void {
    if (this.#ends.get(end.id) === end) this.#ends.delete(end.id);
  }

  handle(reply: Reply): void {
    const whole = this.#parts.join(reply);
    if (whole === undefined) return;
    if (whole.op === 'accepted') this.#settle(whole.ack);
    else if (whole.op === 'unwanted') this.#answer(whole.token, whole.removed);
    else if (whole.op === 'ready') this.#answer(whole.token, whole.yes);
    else this.#tell(whole);
  }

  /** The broker is lost, and every end with it. */
  lose(): void {
    const lost = [...this.#ends.values()];
    this.#ends.clear();
    this.#expected.clear();
    this.#parts = new Parts();
    for (const end of lost) end.lose();
    this.#reject(() => true);
  }

  #tell(reply: Exclude<Reply, Part | { op: 'accepted' | 'unwanted' | 'ready' }>): void {
    if (reply.op === 'broken') this.#reject(({ end }) => end === reply.end);
    const end = this.#ends.get(reply.end);
    if (end !== undefined) end.handle(reply);
    else if (reply.op === 'push') this.sendBack(reply.end, this.arrived(reply));
    else if (reply.op === 'recall') this.request({ op: 'returned', end: reply.end, wants: 0 });
    else if (reply.op === 'answer' && reply.gift) {
      this.request({ op: 'got', end: reply.end, token: reply.token, kept: false });
    } else if (reply.op === 'given') {
      for (const handle of this.adopt(reply.handles)) handle.discard();
      if (reply.last) this.request({ op: 'got', end: reply.end, token: reply.token, kept: false });
    }
  }

  #receive(id: EndId, broken: boolean, shared?: Snapshot): Reference {
    let end = this.#ends.get(id);
    if (end === undefined) {
      end = new LocalEnd(id, this);
      this.#ends.set(id, end);
    }
    end.received(broken);
    if (shared !== undefined) end.shared ??= this.#open(id, shared);
    return new Reference(end);
  }

  #open(id: EndId, snapshot: Snapshot): LocalObject {
    const Kind = snapshot.made.kind === 'queue' ? LocalQueue : LocalObject;
    return new Kind(id, this, snapshot);
  }

  #answer(token: number, yes: boolean): void {
    const answer = this.#expected.get(token);
    this.#expected.delete(token);
    answer?.(yes);
  }

  #settle(number: number): void {
    const dispatched = this.#dispatched.get(number);
    if (dispatched === undefined) return;
    this.#dispatched.delete(number);
    this.liveness.release();
    dispatched.resolve();
  }

  #reject(matches: (dispatched: Dispatched) => boolean): void {
    for (const [number, dispatched] of this.#dispatched) {
      if (!matches(dispatched)) continue;
      this.#dispatched.delete(number);
      this.liveness.release();
      dispatched.reject(brokenPipe());
    }
  }
}
