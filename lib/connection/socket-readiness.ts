/**
 * How `wait()` waits for a socket of `node:net`. Node reads from it ahead of everybody, into the stream's buffer: ready is what
 * has something in that buffer, which nobody has taken yet, or is at its end. Only in paused mode does anything stay there.
 */
import type { Socket } from 'node:net';
import { throwIfAborted } from '../base/abort-signal.js';
import { Liveness } from '../base/liveness.js';
import type { Wait } from '../base/options.js';
import type { Readiness } from '../base/readiness.js';
import { PendingWait } from '../base/wait.js';
import { NotSupportedError, StateError } from '../errors.js';

const liveness = new Liveness();

/** The last comes when it is destroyed, by an error too, which is for the socket's own listeners. */
const EVENTS = ['readable', 'end', 'close'] as const;

/** All that wait for one socket, behind one set of listeners: Node warns of a leak where there are more than ten. */
class SocketWaits {
  readonly #socket: Socket;
  readonly #waiting = new Set<PendingWait<boolean>>();
  readonly #wasPaused: boolean;

  readonly #look = (): void => {
    if (!hasInput(this.#socket)) return;
    for (const waiting of this.#waiting) waiting.resolve(true);
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#wasPaused = socket.isPaused();
  }

  add(wait: Wait): Promise<boolean> {
    const pending: PendingWait<boolean> = new PendingWait<boolean>(
      wait,
      () => false,
      () => {
        this.#remove(pending);
      },
    );
    if (this.#waiting.size === 0) for (const event of EVENTS) this.#socket.on(event, this.#look);
    this.#waiting.add(pending);
    liveness.hold();
    return pending.promise;
  }

  /** A tick after its last "readable" listener has gone, a stream forgets that it was paused. */
  #remove(pending: PendingWait<boolean>): void {
    liveness.release();
    if (!this.#waiting.delete(pending) || this.#waiting.size > 0) return;
    for (const event of EVENTS) this.#socket.off(event, this.#look);
    process.nextTick(() => {
      if (this.#waiting.size > 0 || waits.get(this.#socket) !== this) return;
      waits.delete(this.#socket);
      if (this.#wasPaused) this.#socket.pause();
    });
  }
}

const waits = new WeakMap<Socket, SocketWaits>();

/** @throws StateError when somebody takes what the socket reads as it comes. */
export function socketReadiness(socket: Socket): Readiness {
  if (socket.readableFlowing === true || socket.listenerCount('data') > 0) {
    throw new StateError(
      'wait() cannot tell when this socket has data, since its "data" listeners or a pipe take it as it comes: ' +
        'take them off and use read(), or await its events',
    );
  }
  return {
    look: () => hasInput(socket),
    wait: (wait) => untilInput(socket, wait),
    arm: () => {
      throw new NotSupportedError(
        'waitSync() cannot wait for a net.Socket, from which the event loop reads: use await wait()',
      );
    },
  };
}

function hasInput(socket: Socket): boolean {
  return socket.readableLength > 0 || socket.readableEnded || socket.destroyed;
}

async function untilInput(socket: Socket, wait: Wait): Promise<boolean> {
  throwIfAborted(wait.signal);
  if (hasInput(socket)) return true;
  if (wait.timeout === 0) return false;
  let waiting = waits.get(socket);
  if (waiting === undefined) {
    waiting = new SocketWaits(socket);
    waits.set(socket, waiting);
  }
  return waiting.add(wait);
}
