/**
 * What everybody may know of a shared object, and what an act makes of it. The broker and every process that holds the object
 * run the same code: the one on the truth, the others on what they have heard plus what they have done since.
 */
import { MAX_PERMITS } from '../../sync-contract.js';
import type { ProcessId } from '../frames.js';
import type { Made } from './words.js';

export interface LockState {
  readonly kind: 'lock';
  /** Who has it. */
  readonly by: ProcessId | null;
  /** Its number; 0 while nobody has it. */
  readonly pid: number;
  readonly holder: number;
  /** How often; more than once is for reentrant locks. */
  readonly count: number;
  /** Free, but its last holder died with it. */
  readonly abandoned: boolean;
  /** Who that was, while it is abandoned or was taken as such. */
  readonly deadPid: number;
}

export interface SemaphoreState {
  readonly kind: 'semaphore';
  readonly value: number;
  readonly bound: number;
}

export interface ConditionState {
  readonly kind: 'condition';
}

export interface EventState {
  readonly kind: 'event';
  readonly set: boolean;
}

export interface BarrierState {
  readonly kind: 'barrier';
  readonly waiting: number;
  readonly broken: boolean;
}

export interface QueueState {
  readonly kind: 'queue';
  /** Messages in it, without those that are on their way to who gets them. */
  readonly size: number;
  /** Messages put and not said to be done. */
  readonly unfinished: number;
  /** Messages that count as done because who had got them has died. */
  readonly abandoned: number;
}

export type State =
  LockState | SemaphoreState | ConditionState | EventState | BarrierState | QueueState;

export type Act =
  /** A reentrant lock, once more by its holder. */
  | { do: 'again'; holder: number }
  | { do: 'release'; holder: number }
  | { do: 'post'; permits: number }
  | { do: 'notify'; count: number }
  | { do: 'set' }
  | { do: 'clear' }
  | { do: 'abort' }
  | { do: 'reset' }
  /** A queue: one message is finished; no more puts from this process. */
  | { do: 'done' }
  | { do: 'close' };

const FREE = {
  kind: 'lock',
  by: null,
  pid: 0,
  holder: 0,
  count: 0,
  abandoned: false,
  deadPid: 0,
} as const;

export function firstState({ kind, value }: Made): State {
  switch (kind) {
    case 'lock':
    case 'rlock':
      return FREE;
    case 'semaphore':
      return { kind: 'semaphore', value, bound: MAX_PERMITS };
    case 'boundedSemaphore':
      return { kind: 'semaphore', value, bound: value };
    case 'condition':
      return { kind: 'condition' };
    case 'event':
      return { kind: 'event', set: false };
    case 'barrier':
      return { kind: 'barrier', waiting: 0, broken: false };
    case 'queue':
      return { kind: 'queue', size: 0, unfinished: 0, abandoned: 0 };
  }
}

export function freeLock(): LockState {
  return FREE;
}

export function abandonedLock(deadPid: number): LockState {
  return { ...FREE, abandoned: true, deadPid };
}

/** The state after an act of that process, or undefined when it cannot be done. */
export function after(state: State, act: Act, self: ProcessId, made: Made): State | undefined {
  switch (state.kind) {
    case 'lock':
      return afterLockAct(state, act, self, made.kind === 'rlock');
    case 'semaphore':
      return act.do === 'post' ? afterPost(state, act.permits) : undefined;
    case 'condition':
      return act.do === 'notify' ? state : undefined;
    case 'event':
      return act.do === 'set' || act.do === 'clear' ? withFlag(state, act.do === 'set') : undefined;
    case 'barrier':
      return act.do === 'abort' || act.do === 'reset'
        ? { kind: 'barrier', waiting: 0, broken: act.do === 'abort' }
        : undefined;
    case 'queue':
      return afterQueueAct(state, act);
  }
}

function afterLockAct(
  state: LockState,
  act: Act,
  self: ProcessId,
  reentrant: boolean,
): LockState | undefined {
  if (act.do !== 'again' && act.do !== 'release') return undefined;
  if (reentrant ? !holds(state, self, act.holder) : state.by === null) return undefined;
  if (act.do === 'again') return reentrant ? { ...state, count: state.count + 1 } : undefined;
  return state.count > 1 ? { ...state, count: state.count - 1 } : FREE;
}

export function holds(state: LockState, self: ProcessId, holder: number): boolean {
  return state.by === self && state.holder === holder;
}

function afterPost(state: SemaphoreState, permits: number): SemaphoreState | undefined {
  const value = state.value + permits;
  return value > state.bound ? undefined : { ...state, value };
}

/** Closing is about one process, and nothing that everybody may know. */
function afterQueueAct(state: QueueState, act: Act): QueueState | undefined {
  if (act.do === 'close') return state;
  if (act.do !== 'done' || state.unfinished === 0) return undefined;
  return { ...state, unfinished: state.unfinished - 1 };
}

function withFlag(state: EventState, set: boolean): EventState {
  return state.set === set ? state : { kind: 'event', set };
}
