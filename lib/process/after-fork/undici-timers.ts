/**
 * undici has one timer of Node, which it refreshes for ever, and a list of its own: the timeouts of `fetch`. In a child that timer must not
 * be cleared, or no timeout would come there any more, and the list has to go, or those of the parent's requests would.
 */
import { closedOverBy, nodeInternals } from './internals.js';

/** Under which undici's timer is listed: a half of its resolution of a second, in milliseconds. */
const TICK_MS = 499;
const IS_TICK = /^function onTick\s*\(\)\s*\{[^]*\bfastTimers\b/;

/** The lists, by the callback of the timer: there may be several copies of undici. Looked for in the parent, once each. */
const lists = new WeakMap<object, unknown[]>();

/** In the parent, before a fork. */
export function prepareUndiciTimers(): void {
  const list = nodeInternals().timerLists[TICK_MS];
  if (list === undefined) return;
  for (let timer = list._idleNext; timer !== null && timer !== list; timer = timer._idleNext) {
    const tick = timer._onTimeout;
    if (typeof tick !== 'function' || lists.has(tick)) continue;
    if (!IS_TICK.test(Function.prototype.toString.call(tick))) continue;
    const found = closedOverBy([tick], 'fastTimers');
    if (Array.isArray(found)) lists.set(tick, found);
  }
}

/** In the child, of any timer's callback. */
export function emptyIfUndicis(tick: unknown): void {
  const list = typeof tick === 'function' ? lists.get(tick) : undefined;
  if (list !== undefined) list.length = 0;
}
