/** What the waits of this room take, checked. */
import type { LockRequest } from '../backend/sync-contract.js';
import {
  checkBoolean,
  checkOptions,
  checkTimeout,
  checkWait,
  invalidType,
  type Wait,
} from '../base/options.js';

/** What the blocking forms take: no signal can reach a blocked thread. */
export type SyncWait = Pick<Wait, 'timeout'>;

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

export const FOR_EVER: Wait = Object.freeze({});

/** A checked `acquire` argument as a wait. */
export function acquireWait(options: (Wait & Blocking) | undefined): Wait {
  if (options === undefined) return FOR_EVER;
  checkWait('options', options);
  checkBlock(options);
  // A copy: what the user's object runs when it is read, it runs now.
  const { timeout, signal } = options;
  return { timeout: options.block === false ? 0 : timeout, signal };
}

/** The same for the blocking form: milliseconds, Infinity for ever. */
export function acquireTimeout(options: (SyncWait & Blocking) | undefined): number {
  if (options === undefined) return Infinity;
  const timeout = syncTimeout('options', options);
  checkBlock(options);
  return options.block === false ? 0 : timeout;
}

export function syncTimeout(name: string, wait: SyncWait | undefined): number {
  if (wait === undefined) return Infinity;
  checkOptions(name, wait);
  checkTimeout(`${name}.timeout`, wait.timeout);
  return wait.timeout ?? Infinity;
}

function checkBlock({ block }: Blocking): void {
  if (block !== undefined) checkBoolean('options.block', block);
}

export function checkTakeAbandoned(options: TakeOption | undefined): void {
  checkOptions('options', options);
  if (options?.takeAbandoned !== undefined) {
    checkBoolean('options.takeAbandoned', options.takeAbandoned);
  }
}

export function checkHolder(options: HolderOption | undefined): void {
  checkOptions('options', options);
  const holder: unknown = options?.holder;
  if (holder === undefined) return;
  if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null) {
    throw invalidType('options.holder', 'an object', holder);
  }
}

const PLAIN: LockRequest = Object.freeze({ holder: 0, takeAbandoned: false });
const TAKING: LockRequest = Object.freeze({ holder: 0, takeAbandoned: true });

/** For a lock that anybody may release. */
export function plainRequest(takeAbandoned: boolean): LockRequest {
  return takeAbandoned ? TAKING : PLAIN;
}
