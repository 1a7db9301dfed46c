import { PART_BYTES, type Frame } from './frames.js';
import type { Link } from './link.js';

/** How many parts of one message are with the link at a time: one being written while the next is made ready. */
const PARTS_AHEAD = 2;

interface Waiting {
  frame: Frame;
  written: (() => void) | undefined;
}

/**
 * Sends over a link, long messages in parts, so that the frames of other ends pass in between. The frames of one end keep
 * their order: while one of them is under way in parts, the rest wait behind it.
 */
export class Lanes {
  readonly link: Link;
  readonly #busy = new Map<string, Waiting[]>();

  constructor(link: Link) {
    this.link = link;
  }

  send(frame: Frame, written?: () => void): void {
    if (!('end' in frame)) {
      this.link.send(frame, written);
      return;
    }
    const lane = frame.end + (frame.at ?? '');
    const waiting = this.#busy.get(lane);
    if (waiting !== undefined) waiting.push({ frame, written });
    else if ('bytes' in frame && frame.bytes.byteLength > PART_BYTES) {
      this.#sendInParts(lane, frame, written);
    } else this.link.send(frame, written);
  }

  #sendInParts(
    lane: string,
    frame: Extract<Frame, { bytes: Uint8Array }>,
    written?: () => void,
  ): void {
    const { bytes, end } = frame;
    const at = frame.at === undefined ? {} : { at: frame.at };
    this.#busy.set(lane, []);
    let sent = 0;
    const next = (): void => {
      if (sent === bytes.byteLength) return;
      const part = bytes.subarray(sent, sent + PART_BYTES);
      sent += part.byteLength;
      if (sent < bytes.byteLength) {
        this.link.send({ op: 'part', end, size: bytes.byteLength, bytes: part, ...at }, next);
        return;
      }
      this.link.send({ ...frame, bytes: part }, written);
      this.#release(lane);
    };
    for (let started = 0; started < PARTS_AHEAD; started += 1) next();
  }

  #release(lane: string): void {
    const waiting = this.#busy.get(lane) ?? [];
    this.#busy.delete(lane);
    for (const { frame, written } of waiting) this.send(frame, written);
  }
}
