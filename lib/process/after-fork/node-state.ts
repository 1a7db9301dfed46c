/**
 * What Node's library keeps of the parent's program, put away in the child of a Process. The addon has made every inherited handle
 * inert before (no event can come from one); here are the parts that live in JavaScript.
 */
import type { Cluster } from 'node:cluster';
import type { Domain } from 'node:domain';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import {
  type AgentPrototype,
  healAgents,
  healDispatchers,
  refuseInheritedSockets,
  type SocketInternals,
} from './connections.js';
import {
  knownSessionPrototype,
  refuseInheritedSessions,
  type SessionPrototype,
} from './http2-sessions.js';
import { type Internals, nodeInternals } from './internals.js';
import { dropTimers, rehearseTimers } from './timers.js';

/** What is changed. A rehearsal changes a stand-in instead. */
interface NodeParts {
  readonly internals: Pick<Internals, 'timerLists' | 'immediates' | 'fileWatchers'>;
  readonly process: EventEmitter &
    Partial<Pick<NodeJS.Process, 'channel'>> & { domain?: Domain | null } & Pick<
      NodeJS.Process,
      'exitCode' | 'hasUncaughtExceptionCaptureCallback' | 'setUncaughtExceptionCaptureCallback'
    >;
  readonly agentPrototype: AgentPrototype;
  readonly socketPrototype: SocketInternals;
  readonly sessionPrototype: SessionPrototype | undefined;
  readonly globals: Record<symbol, unknown>;
}

function dropImmediates(queue: Internals['immediates']): void {
  for (let immediate = queue.head; immediate !== null;) {
    const next = immediate._idleNext as typeof immediate | null;
    clearImmediate(immediate);
    immediate = next;
  }
}

/** What Node itself listens to on `process`; everything else is the program's, signal handlers included. */
const NODES_EVENTS: (string | symbol)[] = ['newListener', 'removeListener', 'warning'];

/** How its listeners read. Their text asks neither a property nor a Proxy of the program's. */
const NODES_LISTENERS = [
  /^function (start|stop)ListeningIfSignal\(/,
  /^function onWarning\(/,
  /hasMultipleResolvesListener =/,
];

function dropListeners(emitter: EventEmitter): void {
  // First those that would be told of what is removed: they are the parent's code.
  withoutTelling(emitter, () => {
    for (const event of NODES_EVENTS) dropProgramsOwn(emitter, event);
  });
  for (const event of emitter.eventNames()) {
    if (!NODES_EVENTS.includes(event)) emitter.removeAllListeners(event);
  }
}

/** Node's own are the first of their kind: they were there before the program. */
function dropProgramsOwn(emitter: EventEmitter, event: string | symbol): void {
  const listeners = emitter.rawListeners(event) as (() => void)[];
  const texts = listeners.map((listener) => Function.prototype.toString.call(listener));
  const nodes = NODES_LISTENERS.map((kind) => texts.findIndex((text) => kind.test(text)));
  for (const [at, listener] of listeners.entries())
    if (!nodes.includes(at)) emitter.removeListener(event, listener);
}

function withoutTelling(emitter: EventEmitter, change: () => void): void {
  const own = Object.getOwnPropertyDescriptor(emitter, 'emit');
  Object.defineProperty(emitter, 'emit', { value: () => false, configurable: true });
  change();
  if (own === undefined) Reflect.deleteProperty(emitter, 'emit');
  else Object.defineProperty(emitter, 'emit', own);
}

/** Before the capture callback is dropped: `domain` has one of its own while in a domain, and lets nobody else change it. */
function leaveDomains(target: NodeParts['process']): void {
  if (!target.domain) return; // To ask for the module would load it.
  const { _stack: entered } = process.getBuiltinModule('node:domain') as unknown as {
    _stack: Domain[];
  };
  for (const domain of entered.slice().reverse()) domain.exit();
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

function realParts(): NodeParts {
  return {
    internals: nodeInternals(),
    process,
    agentPrototype: http.Agent.prototype as unknown as AgentPrototype,
    socketPrototype: net.Socket.prototype as unknown as SocketInternals,
    sessionPrototype: knownSessionPrototype(),
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
  healDispatchers(parts.globals);
  refuseInheritedSockets(parts.socketPrototype, keptFds);
  refuseInheritedSessions(parts.sessionPrototype);
  leaveDomains(parts.process);
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
  for (const event of [...NODES_EVENTS, 'exit']) stand.on(event, () => {});
  // Node itself looks at every listener that `process` loses.
  const listener = (): void => {};
  process.on('multiprocessing.rehearsal', listener).off('multiprocessing.rehearsal', listener);
  rehearseTimers();
  quietNode([], {
    ...realParts(),
    internals: { timerLists: {}, immediates: { head: null }, fileWatchers: new Map() },
    process: stand,
    agentPrototype: { addRequest: () => undefined },
    socketPrototype: { _handle: null, _writeGeneric: () => {} },
    sessionPrototype: { request: () => undefined as never },
    globals: { [Symbol('undici.globalDispatcher.0')]: { dispatch: () => false } },
  });
}
