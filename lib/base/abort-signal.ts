/**
 * What an AbortSignal is asked and told, by its class's own members. A program may have put others over them, and what runs there must
 * not run in the middle of something here. A Proxy of a signal would run something at every question, so it is none.
 */
import { types } from 'node:util';

const own = Object.getOwnPropertyDescriptors(AbortSignal.prototype);
const readAborted = own.aborted.get as () => boolean;
const readReason = own.reason.get as () => Error;
// eslint-disable-next-line @typescript-eslint/unbound-method -- called on the signals below
const { addEventListener, removeEventListener } = EventTarget.prototype;

export function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  try {
    readAborted.call(value);
    return true;
  } catch {
    return false;
  }
}

export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal !== undefined && readAborted.call(signal);
}

/** Any value, by custom an Error. */
export function reasonOf(signal: AbortSignal): Error {
  return readReason.call(signal);
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal !== undefined && isAborted(signal)) throw reasonOf(signal);
}

export function listenForAbort(signal: AbortSignal, listener: () => void): void {
  addEventListener.call(signal, 'abort', listener, { once: true });
}

export function stopListeningForAbort(signal: AbortSignal, listener: () => void): void {
  removeEventListener.call(signal, 'abort', listener);
}
