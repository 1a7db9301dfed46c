import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Queued } from '../broker-end.js';

/** What a message costs beyond its bytes, most of it in V8's heap. */
const MESSAGE_BYTES = 512;

/** Half of what this process may use: of V8's heap, in which small messages are, and of the machine. */
function mostBytes(): number {
  const allowed = process.constrainedMemory();
  const machine = allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
  return Math.floor(Math.min(getHeapStatistics().heap_size_limit, machine) / 2);
}

/**
 * What all queues of a broker may keep together. Beyond it a put fails, before the process of everybody's messages does. A put that
 * waits for room is not counted, nor is what waits in a channel: CHANNEL_WINDOW bounds those, of each process in each of them. With one
 * bound for all, what nobody reads would hold up what its reader waits for.
 */
export class QueueMemory {
  readonly #most: number;
  #kept = 0;

  constructor(most = mostBytes()) {
    this.#most = most;
  }

  hasRoomFor(message: { bytes: Uint8Array }): boolean {
    return this.#kept + costOf([message]) <= this.#most;
  }

  /** From one amount to another. */
  change(from: number, to: number): void {
    this.#kept += to - from;
  }
}

export function costOf(messages: readonly Pick<Queued, 'bytes'>[]): number {
  return messages.reduce((sum, { bytes }) => sum + costOfThose(1, bytes.byteLength), 0);
}

export function costOfThose(messages: number, bytes: number): number {
  return MESSAGE_BYTES * messages + bytes;
}
