import { throwIfAborted } from '../../base/abort-signal.js';
import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import type { Deadline } from '../../base/deadline.js';
import type { Wait } from '../../base/options.js';
import { READABLE, WRITABLE, type PolledDescriptor } from '../../base/readiness.js';
import { ClosedError, StateError } from '../../errors.js';
import type {
  Channel,
  Message,
  MessageListener,
  Outgoing,
  SharedChannel,
  StopListening,
  Target,
  TransferHandle,
} from '../contract.js';
import { whole } from '../message-head.js';
import type { Lent } from '../loan-contract.js';
import type { Lane, SendProgress } from './lane.js';
import { LaneLent } from './lane-lent.js';
import { ReceiveQueue, noMessage } from './receive-queue.js';
import { SendQueue, timedOut } from './send-queue.js';

export interface Mode {
  readonly readable: boolean;
  readonly writable: boolean;
}

/**
 * So many messages in a row are answered without waiting; then the event loop gets a turn. Otherwise `for await` over a
 * connection that is never empty would keep timers and all other input from running.
 */
const MESSAGES_PER_TURN = 256;

interface Listening {
  readonly listener: MessageListener;
  readonly target: Target | undefined;
}

/** Counts the forks above this process: what a channel has queued under another count is its parent's. */
let generation = 0;

resetAfterFork(AfterForkOrder.Handles, (kind) => {
  if (kind !== 'rehearsal') generation += 1;
});

/** One end of a connection: who waits at it and in which order, whatever carries its messages. */
export class LaneChannel implements Channel {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly #lane: Lane;
  readonly #receives: ReceiveQueue;
  readonly #sends: SendQueue;
  #listening: Listening | undefined;
  #closed = false;
  #generation = generation;
  #watched = 0;
  #messagesInARow = 0;

  /** `makeLane` is given what the lane calls back. */
  constructor({ readable, writable }: Mode, makeLane: (onReady: () => void) => Lane) {
    this.readable = readable;
    this.writable = writable;
    this.#lane = makeLane(() => {
      this.#pump();
    });
    const update = (): void => {
      this.#update();
    };
    this.#receives = new ReceiveQueue(this.#lane, update);
    this.#sends = new SendQueue(this.#lane, () => {
      // There may be room for the next one.
      this.#sends.pump();
      this.#update();
    });
  }

  get takesHead(): boolean {
    return this.#lane.takesHead === true;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get shared(): SharedChannel | undefined {
    return this.#lane.shared;
  }

  trySend(message: Outgoing, untold = false): boolean {
    this.#use('writable');
    if (this.#sends.size > 0 || !this.#isOnTurn()) return false;
    const progress = this.#begin(message, untold);
    if (progress === 'started' && typeof message !== 'number') {
      // Only the end of the process keeps it from being finished, and then nobody asks.
      this.#sends.add(message, {}, true).catch(() => undefined);
      this.#update();
    }
    return progress !== 'waiting';
  }

  tryRecv(target?: Target): Message | undefined {
    this.#use('readable');
    if (this.#receives.receivers > 0 || !this.#isOnTurn()) return undefined;
    return this.#lane.take(target?.());
  }

  lend(size: number, kind: number): Lent | undefined {
    this.#use('writable');
    const memory = this.#lane.lend?.(size, kind);
    return memory && new LaneLent(this, memory);
  }

  async send(message: Message, wait: Wait): Promise<void> {
    this.#use('writable');
    throwIfAborted(wait.signal);
    let started = false;
    if (this.#sends.size === 0 && (wait.timeout === 0 || this.#isOnTurn())) {
      const progress = this.#lane.begin(message);
      if (progress === 'done') return;
      started = progress === 'started';
    }
    if (!started && wait.timeout === 0) timedOut();
    // What comes in parts was not copied.
    const waiting = message.lasting === undefined ? whole(message) : message;
    const sent = this.#sends.add(waiting, wait, started);
    try {
      this.#update();
    } catch (error) {
      this.#sends.rejectUnstarted(error);
      // Nobody will tell when the rest of it is gone.
      if (started) throw error;
    }
    await sent;
  }

  sendSync(message: Outgoing, deadline: Deadline): void {
    this.#use('writable');
    for (;;) {
      if (this.#sends.size > 0) this.#sends.pump();
      if (this.#sends.size === 0) {
        const progress = this.#begin(message);
        if (progress === 'done') break;
        if (progress === 'started') {
          do this.#lane.waitSync(WRITABLE, Infinity);
          while (!this.#lane.flush());
          break;
        }
      }
      if (!this.#lane.waitSync(WRITABLE, deadline.remainingMs())) timedOut();
    }
    this.#update();
  }

  #begin(message: Outgoing, untold?: boolean): SendProgress {
    if (typeof message !== 'number') return this.#lane.begin(message, untold);
    return this.#lane.beginScratch?.(message) ?? 'waiting';
  }

  async recv(wait: Wait, target?: Target): Promise<Message> {
    this.#use('readable');
    throwIfAborted(wait.signal);
    if (this.#receives.receivers === 0 && (wait.timeout === 0 || this.#isOnTurn())) {
      const message = this.#lane.take(target?.());
      if (message) return message;
    }
    if (wait.timeout === 0) noMessage();
    const received = this.#receives.addReceiver(wait, target);
    this.#watchForInput();
    return received;
  }

  recvSync(deadline: Deadline, target?: Target): Message {
    this.#use('readable');
    if (this.#lane.takeSync && this.#receives.size === 0 && this.#sends.size === 0) {
      return this.#lane.takeSync(deadline.remainingMs(), target?.()) ?? noMessage();
    }
    for (;;) {
      this.#pump();
      if (this.#receives.receivers === 0) {
        const message = this.#lane.take(target?.());
        if (message) return message;
      }
      if (!this.#waitForInput(deadline)) noMessage();
    }
  }

  listen(listener: MessageListener, target?: Target): StopListening {
    this.#use('readable');
    if (this.#listening) throw new StateError('somebody listens to the connection already');
    const listening = { listener, target };
    this.#listening = listening;
    try {
      this.#update();
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
    return () => {
      if (this.#listening === listening) this.#stopListening();
      return undefined;
    };
  }

  #stopListening(): void {
    this.#listening = undefined;
    this.#update();
  }

  async poll(wait: Wait): Promise<boolean> {
    this.#use('readable');
    throwIfAborted(wait.signal);
    if (this.#receives.ready()) return true;
    if (wait.timeout === 0) return false;
    const polled = this.#receives.addPoller(wait);
    this.#watchForInput();
    return polled;
  }

  pollSync(deadline: Deadline): boolean {
    this.#use('readable');
    for (;;) {
      if (this.look()) return true;
      if (!this.#waitForInput(deadline)) return false;
    }
  }

  look(): boolean {
    this.#use('readable');
    this.#pump();
    return this.#receives.ready();
  }

  polled(): PolledDescriptor {
    this.#use('readable');
    return this.#lane.polled(this.#eventsForInput());
  }

  unpolled(): void {
    this.#lane.unpolled?.();
  }

  /** Nobody was waiting if that cannot be done: those who are there have come just now. */
  #watchForInput(): void {
    try {
      this.#update();
    } catch (error) {
      this.#receives.rejectAll(error);
    }
  }

  /** Blocks. */
  #waitForInput(deadline: Deadline): boolean {
    return this.#lane.waitSync(this.#eventsForInput(), deadline.remainingMs());
  }

  /** What waits to be sent goes on meanwhile, or an answer could be waited for whose question is stuck here. */
  #eventsForInput(): number {
    return this.#sends.size === 0 ? READABLE : READABLE | WRITABLE;
  }

  fileno(): number {
    this.#use();
    return this.#lane.fileno();
  }

  toTransfer(): TransferHandle {
    this.#use();
    return this.#lane.toTransfer();
  }

  close(): void {
    if (this.#closed) return;
    this.#forgetAfterFork();
    this.#closed = true;
    this.#listening = undefined;
    const reason = new ClosedError('the connection was closed');
    this.#receives.rejectAll(reason);
    this.#sends.rejectUnstarted(reason);
    // A message that was begun is finished first.
    this.#update();
  }

  #use(direction?: 'readable' | 'writable'): void {
    if (this.#closed) throw new ClosedError('the connection is closed');
    if (direction && !this[direction]) {
      throw new StateError(`this end of the connection is not ${direction}`);
    }
    this.#forgetAfterFork();
  }

  #forgetAfterFork(): void {
    if (this.#generation === generation) return;
    this.#generation = generation;
    this.#messagesInARow = 0;
    this.#listening = undefined;
    this.#receives.drop();
    this.#sends.drop();
    this.#lane.afterFork?.();
    this.#update();
  }

  #isOnTurn(): boolean {
    this.#messagesInARow += 1;
    if (this.#messagesInARow < MESSAGES_PER_TURN) return true;
    if (this.#messagesInARow === MESSAGES_PER_TURN) {
      setImmediate(() => {
        this.#messagesInARow = 0;
        this.#pump();
      });
    }
    return false;
  }

  #pump(): void {
    this.#forgetAfterFork();
    this.#receives.pump();
    this.#handOver();
    this.#sends.pump();
    this.#update();
  }

  #handOver(): void {
    const listening = this.#listening;
    if (listening === undefined) return;
    const { listener, target } = listening;
    // Whoever is called may stop listening, close the channel, or be in a forked child afterwards.
    while (this.#listening === listening && this.#generation === generation && this.#isOnTurn()) {
      let message: Message | undefined;
      try {
        message = this.#lane.take(target?.());
      } catch (error) {
        this.#stopListening();
        listener.ended(error);
        return;
      }
      if (message === undefined) return;
      listener.message(message);
    }
  }

  /** Watches for what somebody waits for, which is what keeps the event loop alive. */
  #update(): void {
    const isWanted = this.#receives.size > 0 || this.#listening !== undefined;
    const events = (isWanted ? READABLE : 0) | (this.#sends.size === 0 ? 0 : WRITABLE);
    if (this.#closed && events === 0) {
      this.#watched = 0;
      this.#lane.close();
      return;
    }
    if (events === this.#watched) return;
    this.#lane.watch(events);
    this.#watched = events;
  }
}
