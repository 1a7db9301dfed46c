import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import type { Deadline } from '../../base/deadline.js';
import type { Wait } from '../../base/options.js';
import { READABLE, WRITABLE, type PolledDescriptor } from '../../base/readiness.js';
import { ClosedError, StateError } from '../../errors.js';
import type { Addon, NativeChannel } from '../addon.js';
import type { Channel, Message } from '../contract.js';
import { ReceiveQueue, noMessage } from './receive-queue.js';
import { SendQueue, timedOut } from './send-queue.js';
import { NativeTransferHandle } from './transfer-handle.js';

export interface Mode {
  readonly readable: boolean;
  readonly writable: boolean;
}

/**
 * So many messages in a row are answered without waiting; then the event loop gets a turn. Otherwise `for await` over a
 * connection that is never empty would keep timers and all other input from running.
 */
const MESSAGES_PER_TURN = 256;

/** Counts the forks above this process: what a channel has queued under another count is its parent's. */
let generation = 0;

resetAfterFork(AfterForkOrder.Handles, (kind) => {
  if (kind !== 'rehearsal') generation += 1;
});

/** One end of a socket pair. Unclosed and unreachable, its descriptor is closed by the garbage collector. */
export class SocketChannel implements Channel {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly #addon: Addon;
  readonly #native: NativeChannel;
  readonly #receives: ReceiveQueue;
  readonly #sends: SendQueue;
  #closed = false;
  #generation = generation;
  #watched = 0;
  #messagesInARow = 0;

  /** Takes over `fd`, a connected stream socket. */
  constructor(addon: Addon, fd: number, { readable, writable }: Mode) {
    this.readable = readable;
    this.writable = writable;
    this.#addon = addon;
    this.#native = new addon.NativeChannel(fd, () => {
      this.#pump();
    });
    const update = (): void => {
      this.#update();
    };
    this.#receives = new ReceiveQueue(addon, this.#native, update);
    this.#sends = new SendQueue(this.#native, update);
  }

  get closed(): boolean {
    return this.#closed;
  }

  async send(message: Message, wait: Wait): Promise<void> {
    this.#use('writable');
    wait.signal?.throwIfAborted();
    let started = false;
    if (this.#sends.size === 0 && (wait.timeout === 0 || this.#isOnTurn())) {
      const progress = this.#sends.begin(message);
      if (progress === 'done') return;
      started = progress === 'started';
    }
    if (!started && wait.timeout === 0) timedOut();
    const sent = this.#sends.add(message, wait, started);
    this.#update();
    await sent;
  }

  sendSync(message: Message, deadline: Deadline): void {
    this.#use('writable');
    for (;;) {
      this.#sends.pump();
      if (this.#sends.size === 0) {
        const progress = this.#sends.begin(message);
        if (progress === 'done') break;
        if (progress === 'started') {
          do this.#native.waitSync(WRITABLE, Infinity);
          while (!this.#sends.flush());
          break;
        }
      }
      if (!this.#native.waitSync(WRITABLE, deadline.remainingMs())) timedOut();
    }
    this.#update();
  }

  async recv(wait: Wait): Promise<Message> {
    this.#use('readable');
    wait.signal?.throwIfAborted();
    if (this.#receives.receivers === 0 && (wait.timeout === 0 || this.#isOnTurn())) {
      const message = this.#receives.take();
      if (message) return message;
    }
    if (wait.timeout === 0) noMessage();
    const received = this.#receives.addReceiver(wait);
    this.#update();
    return received;
  }

  recvSync(deadline: Deadline): Message {
    this.#use('readable');
    for (;;) {
      this.#pump();
      if (this.#receives.receivers === 0) {
        const message = this.#receives.take();
        if (message) return message;
      }
      if (!this.#waitForInput(deadline)) noMessage();
    }
  }

  async poll(wait: Wait): Promise<boolean> {
    this.#use('readable');
    wait.signal?.throwIfAborted();
    if (this.#receives.ready()) return true;
    if (wait.timeout === 0) return false;
    const polled = this.#receives.addPoller(wait);
    this.#update();
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
    return { fd: this.#native.fd, events: this.#eventsForInput() };
  }

  /** Blocks. */
  #waitForInput(deadline: Deadline): boolean {
    return this.#native.waitSync(this.#eventsForInput(), deadline.remainingMs());
  }

  /** What waits to be sent goes on meanwhile, or an answer could be waited for whose question is stuck here. */
  #eventsForInput(): number {
    return this.#sends.size === 0 ? READABLE : READABLE | WRITABLE;
  }

  fileno(): number {
    this.#use();
    return this.#native.fd;
  }

  toTransfer(): NativeTransferHandle {
    this.#use();
    if (this.#native.pending || this.#native.holdsInput) {
      throw new StateError(
        'this end is in the middle of a message, and its new owner would begin with the rest of it: ' +
          'wait for the pending send or recv first',
      );
    }
    return new NativeTransferHandle(this.#addon, this.#native.duplicate());
  }

  close(): void {
    if (this.#closed) return;
    this.#forgetAfterFork();
    this.#closed = true;
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
    this.#receives.drop();
    this.#sends.drop();
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
    this.#sends.pump();
    this.#update();
  }

  /** Watches for what somebody waits for, which is what keeps the event loop alive. */
  #update(): void {
    const events =
      (this.#receives.size === 0 ? 0 : READABLE) | (this.#sends.size === 0 ? 0 : WRITABLE);
    if (this.#closed && events === 0) {
      this.#watched = 0;
      this.#native.close();
      return;
    }
    if (events === this.#watched) return;
    this.#watched = events;
    this.#native.watch(events);
  }
}
