/**
 * The few variables of Node's own library that a forked child must reach: its lists of timers and immediates, the pools of
 * random bytes behind randomUUID and randomInt, and the watchers of fs.watchFile; and the loader of modules, which its parent asks. An in-process inspector session reads the
 * scopes of functions that close over them; nothing is patched, and it is done once per process, before its first fork.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import inspector from 'node:inspector';
import module from 'node:module';
import timers from 'node:timers';
import { types } from 'node:util';
import { ForkUnavailableError } from '../../errors.js';

/** One that is listed, or the list itself. */
export interface LinkedTimer {
  _idleNext: LinkedTimer | null;
  _idlePrev: LinkedTimer | null;
  _onTimeout?: unknown;
  hasRef?: () => boolean | null;
}

/** Circular, and starts with itself. */
export interface TimerList extends LinkedTimer {
  /** The duration that all of them have. */
  msecs: number;
}

export interface Internals {
  /** By duration. */
  readonly timerLists: Record<string, TimerList>;
  readonly immediates: { head: (NodeJS.Immediate & { _idleNext: NodeJS.Immediate | null }) | null };
  /** Cached random bytes, used up from the front; empty until Node's library has needed them. */
  readonly randomPools: readonly Uint8Array[];
  /** What `fs.watchFile` has under way, by file: further watchers of a file share the first one's handle. */
  readonly fileWatchers: { clear: () => void } | undefined;
  /** Answers the one that `import()` uses, and makes it if there is none yet. */
  readonly moduleLoader: (() => { readonly loadCache?: unknown }) | undefined;
}

type Post = <T>(method: string, params: object) => T;

interface RemoteObject {
  objectId?: string;
  description?: string;
  type?: string;
}
interface Property {
  name: string;
  value?: RemoteObject;
}

/**
 * How values cross to the inspector's side and back. Node's own module object is shared by all realms; globals are not, and under a test
 * runner this code may be in another one than the inspector's.
 */
const MAILBOX = Symbol.for('node-multiprocessing.mailbox');
const mailboxHolder = inspector as unknown as Record<symbol, unknown>;
const MAILBOX_EXPRESSION = `process.getBuiltinModule('node:inspector')[Symbol.for('${String(MAILBOX.description)}')]`;

function withSession<T>(body: (post: Post) => T): T {
  const session = new inspector.Session();
  session.connect();
  try {
    return body((method, params) => {
      let outcome: { error: Error } | { result: unknown } | undefined;
      // The callback runs before post returns: the session lives on this very thread.
      session.post(method, params, (error: Error | null, result?: object) => {
        outcome = error ? { error: Object.assign(new Error(error.message), error) } : { result };
      });
      if (outcome === undefined || 'error' in outcome)
        throw outcome?.error ?? new Error(`${method} did not answer`);
      return outcome.result as never;
    });
  } finally {
    session.disconnect();
    mailboxHolder[MAILBOX] = undefined;
  }
}

function remote(post: Post, value: unknown): RemoteObject {
  mailboxHolder[MAILBOX] = value;
  return post<{ result: RemoteObject }>('Runtime.evaluate', { expression: MAILBOX_EXPRESSION })
    .result;
}

function internalProperties(post: Post, fn: unknown): Property[] {
  const { objectId } = remote(post, fn);
  return (
    post<{ internalProperties?: Property[] }>('Runtime.getProperties', {
      objectId,
      ownProperties: true,
    }).internalProperties ?? []
  );
}

function properties(post: Post, object: RemoteObject | undefined): Property[] {
  if (object?.objectId === undefined) return [];
  return post<{ result: Property[] }>('Runtime.getProperties', {
    objectId: object.objectId,
    ownProperties: true,
  }).result;
}

/** The objects that `fn` closes over, by name; only those asked for. */
function closedOver(post: Post, fn: unknown, names: readonly string[]): Map<string, object> {
  const found = new Map<string, object>();
  const scopes = internalProperties(post, fn).find((property) => property.name === '[[Scopes]]');
  for (const scope of properties(post, scopes?.value)) {
    if (scope.value?.description === 'Global') continue;
    for (const variable of properties(post, scope.value)) {
      if (!names.includes(variable.name) || variable.value?.objectId === undefined) continue;
      const box: { out?: object } = {};
      post('Runtime.callFunctionOn', {
        objectId: variable.value.objectId,
        functionDeclaration: 'function (box) { box.out = this; }',
        arguments: [{ objectId: remote(post, box).objectId }],
      });
      if (box.out !== undefined) found.set(variable.name, box.out);
    }
  }
  return found;
}

/**
 * The same variables as seen from any of several functions of one of Node's modules: a program may have put another function in the
 * place of one (tools that trace a program wrap some), which closes over nothing of the kind.
 */
function closedOverByAny(
  post: Post,
  functions: readonly unknown[],
  names: readonly string[],
): Map<string, object> {
  for (const fn of functions) {
    const found =
      typeof fn === 'function' ? closedOver(post, fn, names) : new Map<string, object>();
    if (found.size === names.length) return found;
  }
  return new Map();
}

/** Looked for once per process; the reason if they are not there. */
let looked: { internals: Internals } | { missing: string } | undefined;

function look(): NonNullable<typeof looked> {
  try {
    const internals = withSession(findInternals);
    if (internals !== undefined) return { internals };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { missing: `Node's timers and random pools cannot be looked for (${reason})` };
  }
  const missing = `Node ${process.version} keeps its timers or random pools where they cannot be found`;
  return { missing };
}

function findInternals(post: Post): Internals | undefined {
  // The pools exist once they have been used.
  crypto.randomUUID();
  crypto.randomInt(2);
  const timer = timers.setTimeout(() => {}, 0);
  const immediate = timers.setImmediate(() => {});
  timers.clearTimeout(timer);
  timers.clearImmediate(immediate);
  /* eslint-disable @typescript-eslint/unbound-method -- looked into, never called */
  const { refresh } = timer;
  const { ref } = immediate;
  const ofTimers = [setTimeout, clearTimeout, timers.setTimeout, timers.clearTimeout, refresh];
  const lists = closedOverByAny(post, ofTimers, ['timerListMap']);
  const ofImmediates = [clearImmediate, timers.clearImmediate, ref];
  const immediates = closedOverByAny(post, ofImmediates, ['immediateQueue']);
  const { randomInt, randomUUID, randomFillSync, randomBytes, randomFill, generatePrime } = crypto;
  const ofRandom = [randomInt, randomUUID, randomFillSync, randomBytes, randomFill, generatePrime];
  const random = closedOverByAny(post, ofRandom, ['randomCache', 'uuidData']);
  const getter = Object.getOwnPropertyDescriptor(fs, 'promises')?.get;
  /* eslint-enable @typescript-eslint/unbound-method */
  const watchers = closedOverByAny(post, [fs.watchFile, fs.unwatchFile, getter], ['statWatchers']);
  const loader = 'getOrInitializeCascadedLoader';
  const ofModules = closedOverByAny(post, [module.register], [loader]);
  const timerLists = lists.get('timerListMap');
  const queue = immediates.get('immediateQueue');
  const pools = [...random.values()].filter((pool) => types.isUint8Array(pool));
  if (timerLists === undefined || queue === undefined || pools.length !== 2) return undefined;
  return {
    timerLists: timerLists as Record<string, TimerList>,
    immediates: queue as Internals['immediates'],
    randomPools: pools,
    fileWatchers: watchers.get('statWatchers') as Internals['fileWatchers'],
    moduleLoader: ofModules.get(loader) as Internals['moduleLoader'],
  };
}

/** Why this version of Node cannot have its children cleaned, or undefined. */
export function missingInternals(): string | undefined {
  looked ??= look();
  return 'missing' in looked ? looked.missing : undefined;
}

/** @throws ForkUnavailableError on a Node version that keeps them elsewhere. */
export function nodeInternals(): Internals {
  looked ??= look();
  if ('internals' in looked) return looked.internals;
  throw new ForkUnavailableError(
    `fork is not available: ${looked.missing}; use the spawn start method`,
  );
}

/** The object that one of these functions closes over under this name; undefined also where Node lets nobody look. */
export function closedOverBy(functions: readonly object[], name: string): object | undefined {
  try {
    return withSession((post) => closedOverByAny(post, functions, [name]).get(name));
  } catch {
    return undefined;
  }
}
