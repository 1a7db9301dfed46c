/** What the waits of this room take, checked. */
import type { LockRequest } from '../backend/sync-contract.js';
import type { Names } from '../base/option-names.js';
import {
  FOR_EVER,
  checkBoolean,
  checkOptions,
  invalidType,
  readSyncTimeout,
  readWait,
  type SyncWait,
  type Wait,
} from '../base/options.js';

export type { SyncWait };

export interface Blocking {
  /** False tries once; the timeout counts for nothing then, as in Python. */
  block?: boolean | undefined;
}

export interface HolderOption {
  /**
   * Whoever is to hold a reentrant lock, in place of the scope, the thread or nobody in particular: any object, the same one
   * at every call. Other locks take no notice.
   */
  holder?: object | undefined;
}

export interface TakeOption {
  /** Take the lock although its holder died with it. By default as the lock was made. */
  takeAbandoned?: boolean | undefined;
}

/** One list for all locks: what goes with one of them is given to others too, and counts for nothing there. */
export const ACQUIRE: Names<Wait & Blocking & TakeOption & HolderOption> = {
  timeout: true,
  signal: true,
  block: true,
  takeAbandoned: true,
  holder: true,
};

/** All that `acquire` may be told, read once: a copy may be asked as often as one likes. */
export function readOnce<O extends Wait & Blocking & TakeOption & HolderOption>(
  options: O | undefined,
): O | undefined {
  if (options === undefined) return undefined;
  checkOptions('options', options, ACQUIRE);
  const { timeout, signal, block, takeAbandoned, holder } = options;
  return { timeout, signal, block, takeAbandoned, holder } as O;
}

/** A checked `acquire` argument as a wait. */
export function acquireWait(options: (Wait & Blocking) | undefined): Wait {
  if (options === undefined) return FOR_EVER;
  const wait = readWait('options', options, ACQUIRE);
  return mayBlock(options) ? wait : { timeout: 0, signal: wait.signal };
}

/** The same for the blocking form: milliseconds, Infinity for ever. */
export function acquireTimeout(options: (SyncWait & Blocking) | undefined): number {
  if (options === undefined) return Infinity;
  const timeout = syncTimeout('options', options, ACQUIRE);
  return mayBlock(options) ? timeout : 0;
}

export function syncTimeout(name: string, wait: SyncWait | undefined, known?: Names<Wait>): number {
  return readSyncTimeout(name, wait, known) ?? Infinity;
}

function mayBlock({ block }: Blocking): boolean {
  if (block !== undefined) checkBoolean('options.block', block);
  return block !== false;
}

/** What the options say of a lock whose holder has died, if anything; checked, and read once. */
export function takeOption(options: TakeOption | undefined): boolean | undefined {
  checkOptions('options', options, ACQUIRE);
  const takeAbandoned: unknown = options?.takeAbandoned;
  if (takeAbandoned !== undefined) checkBoolean('options.takeAbandoned', takeAbandoned);
  return takeAbandoned;
}

/** The holder that the options name, if any; checked, and read once. */
export function holderOption(options: HolderOption | undefined): object | undefined {
  checkOptions('options', options, ACQUIRE);
  const holder: unknown = options?.holder;
  if (holder === undefined) return undefined;
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) {
    throw invalidType('options.holder', 'an object', holder);
  }
  return holder;
}

const PLAIN: LockRequest = Object.freeze({ holder: 0, takeAbandoned: false });
const TAKING: LockRequest = Object.freeze({ holder: 0, takeAbandoned: true });

/** For a lock that anybody may release. */
export function plainRequest(takeAbandoned: boolean): LockRequest {
  return takeAbandoned ? TAKING : PLAIN;
}
