/**
 * The words that processes and the broker exchange about shared objects. An object is named by the end of a channel that has
 * no other side: so it travels in messages, and is let go, as every end is.
 */
import type { QueueShape } from '../../queue-contract.js';
import type { SharedKind, SyncOutcome } from '../../sync-contract.js';
import type { EndId } from '../frames.js';
import type { Act, State } from './state.js';

export type ObjectKind = SharedKind | 'queue';

/** What an object is, for as long as it lives. */
export interface Made {
  readonly kind: ObjectKind;
  /** The first value of a semaphore. */
  readonly value: number;
  readonly parties: number;
  readonly hasAction: boolean;
  /** Of a queue. */
  readonly shape?: QueueShape;
}

/** What is waited for. */
export interface Want {
  /** `finish`, `break`: by the leader of a barrier, as its action has ended. Done, unless others lead now. */
  readonly to: 'acquire' | 'wait' | 'finish' | 'break';
  readonly holder: number;
  readonly takeAbandoned: boolean;
  /** The leader's index, by which it is told from others of its process. */
  readonly led: number;
  /** The process that asks, for whoever is told of its death. */
  readonly pid: number;
}

export interface Answer {
  readonly outcome: SyncOutcome;
  /** The place in the order of arrival at a barrier; of a leader, the token of its wait. */
  readonly index: number;
}

/** An object as a process comes to know it. */
export interface Snapshot {
  readonly made: Made;
  readonly state: State;
  /** The last of the receiver's own acts that the state contains. */
  readonly applied: number;
}

/** From a process to the broker. */
export type SyncRequest =
  | { op: 'make'; end: EndId; made: Made }
  /** What needs no answer. `act.n` counts upwards in each process. */
  | { op: 'act'; end: EndId; n: number; act: Act }
  /** Answered by `answer`; with `once` now, else when it comes true. */
  | { op: 'ask'; end: EndId; token: number; once: boolean; want: Want }
  /** Stops waiting. The answer is TimedOut, unless another one is on its way. */
  | { op: 'drop'; end: EndId; token: number }
  /** A gift has arrived. When nobody waits for it any more it is not kept, and goes to the next. */
  | { op: 'got'; end: EndId; token: number; kept: boolean }
  /** The latest `state` has been seen: the next one may come. */
  | { op: 'seen'; end: EndId }
  /** The process is about to end, and not by an accident. */
  | { op: 'leaving' };

/** From the broker to a process. */
export type SyncReply =
  | { op: 'state'; end: EndId; state: State; applied: number }
  /** `gift`: to be confirmed with `got`. Until then it is the broker's if the process ends. */
  | { op: 'answer'; end: EndId; token: number; answer: Answer; gift: boolean }
  /** An act that could not be done any more when it arrived. */
  | { op: 'wrong'; end: EndId; act: Act }
  /** There is no such object. */
  | { op: 'lost'; end: EndId; token: number };
