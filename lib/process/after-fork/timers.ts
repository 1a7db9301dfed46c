/** The parent's timers, put away in the child of a Process. */
import { types } from 'node:util';
import type { LinkedTimer, TimerList } from './internals.js';
import { emptyIfUndicis } from './undici-timers.js';

/** `node:internal/http` caches the Date header and resets the cache by a timer of its own, recognized by its text. */
const RESETS_DATE_CACHE = /^function resetCache\(\) \{\s*utcCache = undefined;\s*\}$/;

/** The timers that are looked at more closely run for no longer. Milliseconds. */
const LONGEST_OF_NODE_MS = 1_000;

/** Nothing of the program's may run here, as a Proxy or a getter would. */
function resetsDateCache(callback: unknown): callback is () => void {
  if (typeof callback !== 'function' || types.isProxy(callback)) return false;
  if (Object.getOwnPropertyDescriptor(callback, 'name')?.value !== 'resetCache') return false;
  return RESETS_DATE_CACHE.test(Function.prototype.toString.call(callback));
}

/** Whether it has to be cleared: also what is no timer of today's, which Node 20 lets a program enroll. */
function isCounted(timer: LinkedTimer): boolean {
  try {
    return timer.hasRef?.() !== false;
  } catch {
    return true;
  }
}

/** What is left on it keeps its links to each other, so that whoever clears one of them later finds what Node expects. */
function cutOff(list: TimerList): void {
  const { _idleNext: newest, _idlePrev: oldest } = list;
  if (newest === list || newest === null || oldest === null) return;
  newest._idlePrev = null;
  oldest._idleNext = null;
  list._idleNext = list;
  list._idlePrev = list;
}

/**
 * A server has a timer for each of its connections, all of them unref'd. To clear one is to write to it, which costs a child a page of
 * memory each: they stay as they are, cut off from their list. (Whoever calls their `refresh()` has them run in the child. So do
 * libraries that keep one timer for ever.) What is ref'd is counted and has to be cleared, by the public call, which keeps the count.
 */
export function dropTimers(lists: Record<string, TimerList>): void {
  const counted: LinkedTimer[] = [];
  for (const list of Object.values(lists)) {
    const mayBeNodes = list.msecs <= LONGEST_OF_NODE_MS;
    for (let timer = list._idleNext; timer !== null && timer !== list; timer = timer._idleNext) {
      if (isCounted(timer)) counted.push(timer);
      else if (mayBeNodes) {
        const callback = timer._onTimeout;
        if (resetsDateCache(callback)) callback();
        else emptyIfUndicis(callback);
      }
    }
  }
  for (const timer of counted) clearTimeout(timer as unknown as NodeJS.Timeout);
  for (const list of Object.values(lists)) cutOff(list);
}

/** So that no child compiles it. */
export function rehearseTimers(): void {
  const lone = { hasRef: () => true, _idleNext: null, _idlePrev: null };
  const list = { msecs: 0, _idleNext: lone, _idlePrev: lone };
  const other = { hasRef: () => false, _onTimeout: () => {}, _idleNext: null, _idlePrev: null };
  dropTimers({ refed: list, unrefed: { msecs: 0, _idleNext: other, _idlePrev: other } });
}
