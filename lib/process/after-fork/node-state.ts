/**
 * What Node's library keeps of the parent's program, put away in the child of a Process. The addon has made every inherited handle
 * inert before (no event can come from one); here are the parts that live in JavaScript.
 */
import { AsyncResource } from 'node:async_hooks';
import type { Cluster } from 'node:cluster';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { StateError } from '../../errors.js';
import { type Internals, isNodesUndici, nodeInternals } from './internals.js';

/** What is changed. A rehearsal changes a stand-in instead. */
interface NodeParts {
  readonly internals: Pick<Internals, 'timerLists' | 'immediates' | 'fileWatchers'>;
  readonly process: EventEmitter &
    Partial<Pick<NodeJS.Process, 'channel'>> &
    Pick<
      NodeJS.Process,
      'exitCode' | 'hasUncaughtExceptionCaptureCallback' | 'setUncaughtExceptionCaptureCallback'
    >;
  readonly agentPrototype: { addRequest: (this: AgentState, ...args: unknown[]) => unknown };
  readonly socketPrototype: SocketInternals;
  readonly globals: Record<symbol, unknown>;
}

/** `node:internal/http` caches the Date header and resets the cache by a timer of its own, recognized by its text. */
const RESETS_DATE_CACHE = /^function resetCache\(\) \{\s*utcCache = undefined;\s*\}$/;

function dropTimers(lists: Internals['timerLists']): void {
  const timers: NodeJS.Timeout[] = [];
  for (const list of Object.values(lists)) {
    for (let timer = list._idleNext; timer !== null && timer !== list; timer = timer._idleNext) {
      timers.push(timer as unknown as NodeJS.Timeout);
      const callback = timer._onTimeout;
      if (
        typeof callback === 'function' &&
        RESETS_DATE_CACHE.test(Function.prototype.toString.call(callback))
      ) {
        (callback as () => void)();
      }
    }
  }
  // Through the public call, which keeps Node's counts of what holds the loop open.
  for (const timer of timers) clearTimeout(timer);
}

function dropImmediates(queue: Internals['immediates']): void {
  for (let immediate = queue.head; immediate !== null;) {
    const next = immediate._idleNext as typeof immediate | null;
    clearImmediate(immediate);
    immediate = next;
  }
}

/** Node's own listeners on `process` are on these; everything else is the program's, signal handlers included. */
const KEPT_EVENTS = new Set<string | symbol>(['newListener', 'removeListener', 'warning']);

function dropListeners(emitter: EventEmitter): void {
  for (const event of emitter.eventNames()) {
    if (!KEPT_EVENTS.has(event)) emitter.removeAllListeners(event);
  }
}

function dropCaptureCallback(target: NodeParts['process']): void {
  if (target.hasUncaughtExceptionCaptureCallback()) {
    target.setUncaughtExceptionCaptureCallback(null);
  }
}

/** Python's rule: a child does not read what its parent's user types. The descriptor is the null device by now. */
function ownStdin(target: object): void {
  let stream: fs.ReadStream | undefined;
  Object.defineProperty(target, 'stdin', {
    configurable: true,
    enumerable: true,
    get: () => (stream ??= fs.createReadStream('', { fd: 0, autoClose: false })),
  });
}

/** The channel of child_process.fork (a cluster worker, a test runner's worker) is the parent's. */
function dropIpcChannel(target: NodeParts['process']): void {
  if (target.channel === undefined) return;
  leaveCluster();
  const gone = { connected: false, channel: undefined, send: undefined, disconnect: undefined };
  for (const [name, value] of Object.entries(gone)) {
    Object.defineProperty(target, name, {
      value,
      writable: true,
      configurable: true,
      enumerable: true,
    });
  }
}

/** A cluster worker asks its primary for every port, over that channel: without it nobody would answer. */
function leaveCluster(): void {
  const cluster = process.getBuiltinModule('node:cluster') as unknown as Cluster;
  if (!cluster.isWorker) return;
  Object.assign(cluster, { isWorker: false, isPrimary: true, isMaster: true, worker: undefined });
}

interface AgentState {
  sockets: object;
  freeSockets: object;
  requests: object;
  totalSocketCount?: number;
}

/** Every agent forgets the connections it had before the fork, the first time the child asks it for one. */
function healAgents(prototype: NodeParts['agentPrototype']): void {
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

type DispatcherClass = new (inner?: object) => object;

function globalDispatchers(globals: NodeParts['globals']): { key: symbol; dispatcher: object }[] {
  const found: { key: symbol; dispatcher: object }[] = [];
  for (const key of Object.getOwnPropertySymbols(globals)) {
    if (!key.description?.startsWith('undici.globalDispatcher.')) continue;
    const dispatcher = globals[key];
    if (typeof dispatcher === 'object' && dispatcher !== null) found.push({ key, dispatcher });
  }
  // The plain dispatcher before those that wrap it for an older interface.
  return found.sort((a, b) => (b.key.description ?? '').localeCompare(a.key.description ?? ''));
}

/** In the parent, so that the question is answered once and not in every child. */
export function prepareDispatchers(): void {
  for (const { dispatcher } of globalDispatchers(realParts().globals)) {
    isNodesUndici(dispatcher.constructor);
  }
}

/** `fetch` gets a dispatcher of the same class without connections, unless the program has set one of its own. */
function freshDispatchers(globals: NodeParts['globals']): void {
  const fresh = new Map<object, object>();
  let inner: object | undefined;
  for (const { key, dispatcher } of globalDispatchers(globals)) {
    if (!isNodesUndici(dispatcher.constructor)) continue;
    let replacement = fresh.get(dispatcher);
    if (replacement === undefined) {
      const { constructor } = dispatcher as { constructor: DispatcherClass };
      const wraps = constructor.name.includes('Wrapper');
      replacement = wraps ? new constructor(inner) : new constructor();
      if (!wraps) inner = replacement;
      fresh.set(dispatcher, replacement);
    }
    globals[key] = replacement;
  }
}

interface SocketInternals {
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
function refuseInheritedSockets(prototype: SocketInternals, keptFds: readonly number[]): void {
  // Handles are numbered in the order of their making.
  const lastOfParent = new AsyncResource('multiprocessing.fork').asyncId();
  const { _writeGeneric: write } = prototype;
  prototype._writeGeneric = function (writev, data, encoding, callback) {
    const id = this._handle?.getAsyncId?.() ?? Infinity;
    const fd = this._handle?.fd ?? Infinity;
    if (id < lastOfParent && fd > 2 && !keptFds.includes(fd)) {
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

function realParts(): NodeParts {
  return {
    internals: nodeInternals(),
    process,
    agentPrototype: http.Agent.prototype as unknown as NodeParts['agentPrototype'],
    socketPrototype: net.Socket.prototype as unknown as SocketInternals,
    globals: globalThis,
  };
}

export function quietNode(keptFds: readonly number[], parts = realParts()): void {
  dropTimers(parts.internals.timerLists);
  dropImmediates(parts.internals.immediates);
  // Their handles are inert: a watcher of the child on one of these files needs a handle of its own.
  parts.internals.fileWatchers?.clear();
  dropListeners(parts.process);
  ownStdin(parts.process);
  dropIpcChannel(parts.process);
  healAgents(parts.agentPrototype);
  freshDispatchers(parts.globals);
  refuseInheritedSockets(parts.socketPrototype, keptFds);
  dropCaptureCallback(parts.process);
  parts.process.exitCode = undefined;
}

/**
 * Once in the parent, on a stand-in: a function is compiled when it is first called, and what the parent has compiled, no child
 * compiles again. About half of a child's first millisecond.
 */
export function rehearseQuietNode(): void {
  const stand = Object.assign(new EventEmitter(), {
    exitCode: undefined,
    hasUncaughtExceptionCaptureCallback: () => process.hasUncaughtExceptionCaptureCallback(),
    setUncaughtExceptionCaptureCallback: () => {},
  });
  stand.on('newListener', () => {}).on('exit', () => {});
  // Node itself looks at every listener that `process` loses.
  const listener = (): void => {};
  process.on('multiprocessing.rehearsal', listener).off('multiprocessing.rehearsal', listener);
  quietNode([], {
    internals: { timerLists: {}, immediates: { head: null }, fileWatchers: new Map() },
    process: stand,
    agentPrototype: { addRequest: () => undefined },
    socketPrototype: { _handle: null, _writeGeneric: () => {} },
    globals: {},
  });
}
