import { throwIfAborted } from '../../base/abort-signal.js';
import type { Deadline } from '../../base/deadline.js';
import { invalidType, type Wait } from '../../base/options.js';
import { ClosedError, NotSupportedError, StateError } from '../../errors.js';
import type {
  Channel,
  Message,
  MessageListener,
  Outgoing,
  StopListening,
  TransferHandle,
} from '../contract.js';
import { ChannelTransfer } from './channel-transfer.js';
import type { LocalEnd } from './local-end.js';
import { Reference } from './reference.js';

/** As the reason of an abort: making the usual one costs more than most messages. */
const TAKEN_BACK = Symbol('nobody listens any more');

export interface Mode {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** One end of a channel that the broker keeps. */
export class FallbackChannel implements Channel {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly #reference: Reference;
  #closed = false;
  #listening: AbortController | undefined;

  constructor(reference: Reference, { readable, writable }: Mode) {
    this.readable = readable;
    this.writable = writable;
    this.#reference = reference.boundTo(this);
  }

  static fromTransfer(handle: TransferHandle, mode: Mode): FallbackChannel {
    if (!(handle instanceof ChannelTransfer)) {
      throw invalidType('handle', 'a handle of the fallback backend', handle);
    }
    return new FallbackChannel(handle.claim(), mode);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Only the broker knows whether there is room. */
  trySend(_message: Outgoing): boolean {
    this.#usable('writable');
    return false;
  }

  tryRecv(): Message | undefined {
    return this.#usable('readable').take();
  }

  async send(message: Message, wait: Wait): Promise<void> {
    const end = this.#usable('writable');
    for (const handle of message.handles) checkSendable(handle);
    throwIfAborted(wait.signal);
    await end.send(this, message, wait);
  }

  sendSync(_message: Outgoing, _deadline: Deadline): never {
    throw blocking('sendSync', 'await send()');
  }

  async recv(wait: Wait): Promise<Message> {
    const end = this.#usable('readable');
    throwIfAborted(wait.signal);
    return end.recv(this, wait);
  }

  recvSync(_deadline: Deadline): never {
    throw blocking('recvSync', 'await recv()');
  }

  listen(listener: MessageListener): StopListening {
    const end = this.#usable('readable');
    if (this.#listening) throw new StateError('somebody listens to the channel already');
    const interrupt = new AbortController();
    this.#listening = interrupt;
    const over = this.#handOver(end, listener, interrupt.signal);
    return () => {
      if (this.#listening === interrupt) this.#listening = undefined;
      interrupt.abort(TAKEN_BACK);
      return over;
    };
  }

  async #handOver(end: LocalEnd, listener: MessageListener, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#closed) {
      let message: Message;
      try {
        message = await end.recv(this, { signal });
      } catch (error) {
        if (signal.aborted || this.#closed) return;
        this.#listening = undefined;
        reportingErrors(() => {
          listener.ended(error);
        });
        return;
      }
      reportingErrors(() => {
        listener.message(message);
      });
    }
  }

  async poll(wait: Wait): Promise<boolean> {
    const end = this.#usable('readable');
    throwIfAborted(wait.signal);
    return end.poll(this, wait);
  }

  pollSync(_deadline: Deadline): never {
    throw blocking('pollSync', 'await poll()');
  }

  look(): true | undefined {
    return this.#usable('readable').look();
  }

  polled(): never {
    throw blocking('waitSync', 'await wait()');
  }

  fileno(): never {
    throw new NotSupportedError(
      'fileno is not available on the fallback backend, whose channels have no descriptors: ' +
        'use await poll(), or the native backend (Linux x64/arm64 with the addon)',
    );
  }

  toTransfer(): ChannelTransfer {
    const { end } = this.#open();
    end.refer();
    return new ChannelTransfer(new Reference(end));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reference.end.abandon(this);
    this.#reference.release();
  }

  #usable(direction: 'readable' | 'writable'): LocalEnd {
    const { end } = this.#open();
    if (!this[direction]) throw new StateError(`this end of the channel is not ${direction}`);
    return end;
  }

  #open(): Reference {
    if (this.#closed) throw new ClosedError('the channel is closed');
    return this.#reference;
  }
}

/** They are uncaught, as those of anything that an event loop calls, and the channel goes on. */
function reportingErrors(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function checkSendable(handle: TransferHandle): void {
  if (!(handle instanceof ChannelTransfer)) {
    throw invalidType('message.handles', 'handles of the fallback backend', handle);
  }
  if (handle.consumed) throw new StateError('the handle has been sent, used or discarded before');
}

export function blocking(method: string, instead: string): NotSupportedError {
  return new NotSupportedError(
    `${method} is not available on the fallback backend: use ${instead}, ` +
      'or the native backend (Linux x64/arm64 with the addon)',
  );
}
