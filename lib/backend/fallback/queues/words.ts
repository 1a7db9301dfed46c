/**
 * The words that processes and the broker exchange about queues, beside those about every shared object: a queue is made, told of,
 * closed and finished with as such. What the broker has given to a process is confirmed with `got`; until then it goes back to
 * its place when the process ends.
 */
import type { QueueOutcome } from '../../queue-contract.js';
import type { EndId, HandedEnd } from '../frames.js';

/** From a process to the broker. `once`: answered now, whatever the answer is. A `drop` ends the others. */
export type QueueRequest =
  /** Done when it is in the queue. Until then its handles are the sender's. */
  | {
      op: 'put';
      end: EndId;
      token: number;
      once: boolean;
      bytes: Uint8Array;
      handles: EndId[];
    }
  /** Wants at least one message, and at most `max`. */
  | { op: 'take'; end: EndId; token: number; once: boolean; max: number }
  /** Until a take would not wait, or nothing is unfinished. */
  | { op: 'await'; end: EndId; token: number; once: boolean; until: Until };

export type Until = 'ready' | 'done';

/** From the broker to a process. */
export type QueueReply =
  | { op: 'settled'; end: EndId; token: number; outcome: QueueOutcome }
  /** There is no memory left for what was put. */
  | { op: 'refused'; end: EndId; token: number }
  /** One message of those that are given; `last` ends them. */
  | {
      op: 'given';
      end: EndId;
      token: number;
      bytes: Uint8Array;
      handles: HandedEnd[];
      last: boolean;
    };
