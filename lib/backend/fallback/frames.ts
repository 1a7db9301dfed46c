/**
 * The words that processes and the broker exchange. An end of a channel is named by its channel's id and its side; a process
 * by an id that its parent gave it. Links deliver frames in order, and everything below leans on that.
 */
import type { QueueReply, QueueRequest } from './queues/words.js';
import type { Snapshot, SyncReply, SyncRequest } from './sync/words.js';

export type ProcessId = string;
export type EndId = string;

/** A message that is sent waits at its sender while this much of what it sent on the end sits undelivered at the broker. */
export const CHANNEL_WINDOW = 1024 * 1024;
/** The only reader of an end is sent this much ahead of what it asks for. */
export const READ_AHEAD = 256 * 1024;
/** Longer messages cross a link in parts of this size, so that the other channels' messages pass in between. */
export const PART_BYTES = 1024 * 1024;
/** What a message is counted for beyond its bytes, so that empty ones are bounded too. */
const MESSAGE_OVERHEAD = 64;

export function cost(message: { bytes: Uint8Array; handles: readonly unknown[] }): number {
  return message.bytes.byteLength + MESSAGE_OVERHEAD * (1 + message.handles.length);
}

export function ends(channel: string): [left: EndId, right: EndId] {
  return [`${channel}L`, `${channel}R`];
}

export function peerOf(end: EndId): EndId {
  return end.slice(0, -1) + (end.endsWith('L') ? 'R' : 'L');
}

/** The channel between a child and its parent; the parent has the left end. */
export function controlOf(child: ProcessId): string {
  return `${child}:`;
}

/** All but the last part of a long message of `size` bytes; the frame with the last part completes it. */
export interface Part {
  op: 'part';
  end: EndId;
  size: number;
  bytes: Uint8Array;
}

/** An end on its way to a process; `broken` when the other end is gone already. */
export interface HandedEnd {
  end: EndId;
  broken: boolean;
  /** What is behind it, when it is no channel's. */
  shared?: Snapshot | undefined;
}

/** From a process to the broker. */
export type Request =
  | Part
  | SyncRequest
  | QueueRequest
  /** A new channel. The sender holds the left end, and the right one unless it belongs to `to`. */
  | { op: 'open'; channel: string; to?: ProcessId }
  /** `ack`: answer with `accepted`, because frames may still be lost on the way through a process in between. */
  | { op: 'message'; end: EndId; bytes: Uint8Array; handles: EndId[]; ack?: number }
  /** Ready to take `count` more messages. */
  | { op: 'want'; end: EndId; count: number }
  /** Takes one `want` back; the answer comes after whatever was on its way. */
  | { op: 'unwant'; end: EndId; token: number }
  /** Says `ready` once a message or the end of the stream is there. */
  | { op: 'look'; end: EndId; token: number }
  /** Says `ready` now, with what is the case. */
  | { op: 'unlook'; end: EndId; token: number }
  /** How much of what was sent ahead has been consumed. */
  | { op: 'taken'; end: EndId; size: number }
  /** A delivered message that nobody here consumed. It goes back to its place in the line. */
  | { op: 'back'; end: EndId; seq: number; bytes: Uint8Array; handles: EndId[] }
  /** Nothing more ahead of requests: what is here goes back, and then the end is closed. */
  | { op: 'halt'; end: EndId }
  /** Answers `recall`, after the last `back`. */
  | { op: 'returned'; end: EndId; wants: number }
  /** Gives up holds on an end. */
  | { op: 'close'; end: EndId; holds: number }
  /** Gives up everything: the sender has let go of all it knew. */
  | { op: 'reset' }
  /** These processes, descendants of the sender, have ended. */
  | { op: 'gone'; processes: ProcessId[] };

/** From the broker to a process. */
export type Reply =
  | Part
  | SyncReply
  | QueueReply
  | { op: 'push'; end: EndId; seq: number; bytes: Uint8Array; handles: HandedEnd[] }
  /** From now on messages come without being asked for: this process is the end's only reader. */
  | { op: 'stream'; end: EndId }
  /** It no longer is. */
  | { op: 'recall'; end: EndId }
  | { op: 'unwanted'; end: EndId; token: number; removed: boolean }
  | { op: 'ready'; end: EndId; token: number; yes: boolean }
  | { op: 'credit'; end: EndId; size: number }
  | { op: 'accepted'; ack: number }
  /** Nobody is left who could read what is sent from this end. */
  | { op: 'broken'; end: EndId }
  /** All has been read and nobody is left who could send. */
  | { op: 'ended'; end: EndId };

/** Between a parent and its child only. */
export type LinkWord =
  /** The child's first frame: it listens now. */
  | { op: 'hello' }
  /** The parent ends on purpose, and the child goes on alone. */
  | { op: 'goodbye' }
  /** The broker is lost, and with it every channel; a new one begins above. */
  | { op: 'orphaned' };

/** `at`: the process which a request is from or a reply is for, added where a frame passes through a process in between. */
export type Frame = (Request | Reply | LinkWord) & { at?: ProcessId };

/** Puts the parts of long messages together again, at the frames' destination. One per source. */
export class Parts {
  readonly #begun = new Map<EndId, { whole: Buffer; filled: number }>();

  /** The frame with all its bytes, or undefined while parts are missing. */
  join<F extends Request | Reply>(frame: F): Exclude<F, Part> | undefined {
    if (frame.op === 'part') {
      const begun = this.#begun.get(frame.end) ?? {
        whole: Buffer.allocUnsafeSlow(frame.size),
        filled: 0,
      };
      begun.whole.set(frame.bytes, begun.filled);
      begun.filled += frame.bytes.byteLength;
      this.#begun.set(frame.end, begun);
      return undefined;
    }
    if ('bytes' in frame) frame.bytes = this.#complete(frame) ?? ownBytes(frame.bytes);
    return frame as Exclude<F, Part>;
  }

  /** All bytes of a message whose last part this is. */
  #complete({ end, bytes }: { end: EndId; bytes: Uint8Array }): Uint8Array | undefined {
    const begun = this.#begun.get(end);
    if (begun === undefined) return undefined;
    this.#begun.delete(end);
    begun.whole.set(bytes, begun.filled);
    return begun.whole;
  }
}

/**
 * All frames that cross a link together are views of one piece of memory. A message that is kept would keep what came with it, be
 * that a thousand times as long.
 */
function ownBytes(bytes: Uint8Array): Uint8Array {
  const isMostOfIt = bytes.byteLength >= bytes.buffer.byteLength * 0.75;
  return isMostOfIt ? bytes : new Uint8Array(bytes);
}
