/**
 * HTTP/2 connections of the parent, which clients keep for long (those of gRPC do). Node writes to their sockets past `net.Socket`, and
 * does not tell a session that a write has failed: whoever asked one in a child would wait for ever.
 */
import type { ClientHttp2Session } from 'node:http2';
import { StateError } from '../../errors.js';
import { olderThanNow, type Numbered } from './handle-age.js';
import { closedOverBy } from './internals.js';

export type SessionPrototype = Pick<ClientHttp2Session, 'request'>;

type Session = ClientHttp2Session & Record<symbol, unknown>;

/** Undefined until the program has loaded HTTP/2. Null where it cannot be found. */
let found: SessionPrototype | null | undefined;

/** In the parent, before a fork: Node gives nobody the class. */
export function prepareHttp2Sessions(): void {
  if (found !== undefined || !isLoaded()) return;
  const http2 = process.getBuiltinModule('node:http2');
  const functions = [http2.connect, http2.createServer, http2.createSecureServer];
  const sessions = closedOverBy(functions, 'ClientHttp2Session');
  found = (sessions as { prototype?: SessionPrototype } | undefined)?.prototype ?? null;
}

function isLoaded(): boolean {
  const { moduleLoadList } = process as unknown as { moduleLoadList?: readonly string[] };
  return moduleLoadList?.includes('NativeModule internal/http2/core') === true;
}

export function knownSessionPrototype(): SessionPrototype | undefined {
  return found ?? undefined;
}

function part(session: Session, name: string): unknown {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === name);
  return key && session[key];
}

/** Its own handle, or while it connects its socket's. */
function handleOf(session: Session): Numbered | undefined {
  const own = part(session, 'kHandle') as Numbered | undefined;
  return own ?? (part(session, 'socket') as { _handle?: Numbered } | undefined)?._handle;
}

function isIdle(session: Session): boolean {
  const state = part(session, 'state') as Record<string, { size?: number } | undefined> | undefined;
  return state?.['streams']?.size === 0 && state['pendingStreams']?.size === 0;
}

/**
 * A request on one of them fails at once and says why. An idle one is destroyed by it, so that a client which keeps several for later
 * hears of its end and connects again (and that of gRPC, which asks again by itself, notices nothing). One with requests under way is not:
 * they are the parent's, and their ends would run its code here.
 */
export function refuseInheritedSessions(prototype: SessionPrototype | undefined): void {
  if (prototype === undefined) return;
  const isOfParent = olderThanNow();
  const { request } = prototype;
  prototype.request = function (this: Session, ...args) {
    if (!this.destroyed && isOfParent(handleOf(this))) {
      if (isIdle(this)) this.destroy();
      throw new StateError(
        `this HTTP/2 session belongs to the process that was forked: connect in process ${String(process.pid)}`,
      );
    }
    return request.apply(this, args);
  };
}
