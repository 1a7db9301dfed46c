/** What Node's library keeps of the parent's connections: without them in the child of a Process, where the kernel has none of them. */
import { StateError } from '../../errors.js';
import { olderThanNow } from './handle-age.js';

interface AgentState {
  sockets: object;
  freeSockets: object;
  requests: object;
  totalSocketCount?: number;
}

export interface AgentPrototype {
  addRequest: (this: AgentState, ...args: unknown[]) => unknown;
}

/** Every agent forgets the connections it had before the fork, the first time the child asks it for one. */
export function healAgents(prototype: AgentPrototype): void {
  const healed = new WeakSet<object>();
  const { addRequest } = prototype;
  prototype.addRequest = function (...args) {
    if (!healed.has(this)) {
      healed.add(this);
      this.sockets = Object.create(null) as object;
      this.freeSockets = Object.create(null) as object;
      this.requests = Object.create(null) as object;
      if (this.totalSocketCount !== undefined) this.totalSocketCount = 0;
    }
    return addRequest.apply(this, args);
  };
}

/**
 * undici's dispatchers, of which `fetch` has one: the one in Node, or that of the undici package when the program loads it first. An
 * agent makes its pools of connections as it needs them, by what it was made with. Those that it has are the parent's.
 */
export function healDispatchers(globals: Record<symbol, unknown>): void {
  const seen = new Set<object>();
  for (const key of Object.getOwnPropertySymbols(globals)) {
    if (!key.description?.startsWith('undici.globalDispatcher.')) continue;
    try {
      healDispatcher(Object.getOwnPropertyDescriptor(globals, key)?.value, seen);
    } catch {
      // One of the program's own, which does not like to be looked at.
    }
  }
}

/** One for proxies has others within. What a test has put in the place of connections (a MockAgent) stays. */
function healDispatcher(value: unknown, seen: Set<object>): void {
  if (!isDispatcher(value) || seen.has(value)) return;
  seen.add(value);
  const keys = Object.getOwnPropertySymbols(value);
  if (keys.some(({ description }) => description === 'net connect')) return;
  for (const key of keys) {
    const part: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
    if (part instanceof Map || part instanceof Set) {
      if (key.description === 'clients' || key.description === 'origins') part.clear();
    } else {
      healDispatcher(part, seen);
    }
  }
}

function isDispatcher(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { dispatch?: unknown }).dispatch === 'function'
  );
}

export interface SocketInternals {
  _handle: { getAsyncId?: () => number; fd?: number } | null;
  _writeGeneric: (
    writev: boolean,
    data: unknown,
    encoding: string,
    callback: (error?: Error) => void,
  ) => void;
}

/**
 * A write to a socket of the parent fails at once and says why; the kernel would answer EBADF. The standard streams stay, whose
 * descriptors may have other numbers than 1 and 2.
 */
export function refuseInheritedSockets(
  prototype: SocketInternals,
  keptFds: readonly number[],
): void {
  const isOfParent = olderThanNow();
  const { _writeGeneric: write } = prototype;
  prototype._writeGeneric = function (writev, data, encoding, callback) {
    const fd = this._handle?.fd ?? Infinity;
    if (isOfParent(this._handle) && fd > 2 && !keptFds.includes(fd)) {
      callback(
        new StateError(
          `this socket belongs to the process that was forked: open one in process ${String(process.pid)}`,
        ),
      );
      return;
    }
    write.call(this, writev, data, encoding, callback);
  };
}
