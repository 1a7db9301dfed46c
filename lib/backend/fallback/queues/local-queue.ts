import { constants } from 'node:os';
import type { Message } from '../../contract.js';
import { QueueOutcome } from '../../queue-contract.js';
import { throwIfAborted } from '../../../base/abort-signal.js';
import type { Wait } from '../../../base/options.js';
import { SystemError } from '../../../errors.js';
import type { ChannelTransfer } from '../channel-transfer.js';
import { Fifo } from '../fifo.js';
import { CHANNEL_WINDOW, cost } from '../frames.js';
import { LocalObject, lostObject } from '../sync/local-object.js';
import type { QueueState } from '../sync/state.js';
import type { SyncReply } from '../sync/words.js';
import { Question } from './question.js';
import type { QueueReply, QueueRequest, Until } from './words.js';

export type Given = readonly Message[] | QueueOutcome;

type Asks = Question<Given>;

interface Departing {
  readonly asks: Asks;
  readonly request: QueueRequest;
}

/**
 * A queue as this process knows it. Everything is asked of the broker, and a wait that is over is withdrawn there and ends with
 * the broker's last word: a message that was on its way is the outcome then, so none is lost and none is overtaken.
 *
 * Of each queue a process has so much on its way to the broker, and no more: what a program puts without waiting stays here.
 */
export class LocalQueue extends LocalObject {
  closed = false;
  readonly #asked = new Map<number, Asks>();
  /** Puts that wait for their turn to be sent. */
  readonly #departing = new Fifo<Departing>();
  /** What has been sent to be put and is not answered. */
  #underWay = 0;
  /** What is asked now is answered now: see `now`. */
  #atOnce = false;

  /** At the broker the truth, elsewhere what it has told. */
  get state(): QueueState {
    this.table.catchUp();
    return this.view as QueueState;
  }

  put(owner: object, message: Message, wait: Wait): Given | Promise<Given> {
    if (this.closed) return QueueOutcome.Closed;
    const handles = message.handles.map((handle) => (handle as ChannelTransfer).end.id);
    // The sender may use its bytes again.
    const bytes = new Uint8Array(message.bytes);
    const { id: end } = this;
    const token = this.table.token();
    const once = wait.timeout === 0;
    const request: QueueRequest = { op: 'put', end, token, once, bytes, handles };
    return this.#ask(new Question(owner, message), wait, request);
  }

  take(owner: object, max: number, wait: Wait): Given | Promise<Given> {
    const token = this.table.token();
    const once = wait.timeout === 0;
    return this.#ask(new Question(owner), wait, { op: 'take', end: this.id, token, once, max });
  }

  await(owner: object, until: Until, wait: Wait): Given | Promise<Given> {
    const token = this.table.token();
    const once = wait.timeout === 0;
    return this.#ask(new Question(owner), wait, { op: 'await', end: this.id, token, once, until });
  }

  /** Asks so that the answer is there at once. Undefined where that cannot be. */
  now(ask: (once: Wait) => Given | Promise<Given>): Given | undefined {
    if (!this.table.catchUp()) return undefined;
    this.#atOnce = true;
    try {
      const answer = ask({ timeout: 0 });
      if (!(answer instanceof Promise)) return answer;
      throw new Error('the broker is in this process and has not answered');
    } finally {
      this.#atOnce = false;
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.lost) return;
    for (const { asks } of this.#takeDeparting()) asks.resolve(QueueOutcome.Closed);
    this.act({ do: 'close' });
  }

  taskDone(): boolean {
    this.table.catchUp();
    return this.act({ do: 'done' });
  }

  override handle(reply: SyncReply | QueueReply): void {
    if (reply.op === 'given') this.#given(reply);
    else if (reply.op === 'settled') this.#settled(reply.token, reply.outcome);
    else if (reply.op === 'refused') this.#refused(reply.token);
    else if (reply.op === 'lost') this.#end(reply.token)?.reject(lostObject());
    else super.handle(reply);
  }

  override lose(): void {
    super.lose();
    for (const { asks } of this.#takeDeparting()) asks.reject(lostObject());
    for (const token of [...this.#asked.keys()]) this.#end(token)?.reject(lostObject());
  }

  #ask(asks: Asks, wait: Wait, request: QueueRequest): Given | Promise<Given> {
    if (this.lost) throw lostObject();
    throwIfAborted(wait.signal);
    const departing = { asks, request };
    if (request.op === 'put' && (this.#departing.size > 0 || this.#underWay >= CHANNEL_WINDOW)) {
      // At the broker those before it have been answered, unless they wait for room.
      if (this.#atOnce) return QueueOutcome.TimedOut;
      this.#departing.push(departing);
    } else this.#send(departing);
    if (this.#atOnce) this.table.catchUp();
    // The broker's first word is the answer to what is asked once, and to what has to wait for its turn the time is of no account.
    const limits = request.once ? { signal: wait.signal } : wait;
    return asks.result(limits, this.table.liveness, () => {
      this.#withdraw(departing);
    });
  }

  #send({ asks, request }: Departing): void {
    if (asks.message !== undefined) this.#underWay += cost(asks.message);
    this.#asked.set(request.token, asks);
    this.table.request(request);
  }

  #withdraw(departing: Departing): void {
    const { asks, request } = departing;
    if (this.#departing.delete(departing)) answer(asks, QueueOutcome.TimedOut);
    else this.table.request({ op: 'drop', end: this.id, token: request.token });
  }

  #takeDeparting(): Departing[] {
    const all = [...this.#departing];
    for (const departing of all) this.#departing.delete(departing);
    return all;
  }

  #given({ token, bytes, handles, last }: Extract<QueueReply, { op: 'given' }>): void {
    const adopted = this.table.adopt(handles);
    const asks = this.#asked.get(token);
    asks?.given.push({ bytes, handles: adopted });
    if (asks === undefined) for (const handle of adopted) handle.discard();
    if (!last) return;
    this.table.request({ op: 'got', end: this.id, token, kept: asks !== undefined });
    this.#end(token)?.resolve(asks?.given ?? []);
  }

  #settled(token: number, outcome: QueueOutcome): void {
    const asks = this.#end(token);
    if (asks === undefined) return;
    const { message } = asks;
    if (message !== undefined && outcome === QueueOutcome.Done) {
      for (const handle of message.handles) handle.discard();
    }
    answer(asks, outcome);
    this.#sendMore();
  }

  #refused(token: number): void {
    this.#end(token)?.reject(noMemory());
    this.#sendMore();
  }

  #sendMore(): void {
    while (this.#underWay < CHANNEL_WINDOW) {
      const next = this.#departing.first;
      if (next === undefined) return;
      this.#departing.delete(next);
      this.#send(next);
    }
  }

  #end(token: number): Asks | undefined {
    const asks = this.#asked.get(token);
    this.#asked.delete(token);
    if (asks?.message !== undefined) this.#underWay -= cost(asks.message);
    return asks;
  }
}

/** As it is natively where memory has run out. */
function noMemory(): SystemError {
  const details = { code: 'ENOSPC', errno: -constants.errno.ENOSPC, syscall: 'Put' };
  return new SystemError(
    'the message could not be put: ENOSPC: what all queues keep is as much as the first process of the tree may use for it',
    details,
  );
}

function answer(asks: Asks, outcome: QueueOutcome): void {
  if (outcome === QueueOutcome.TimedOut && asks.aborted) asks.abort();
  else asks.resolve(outcome);
}
