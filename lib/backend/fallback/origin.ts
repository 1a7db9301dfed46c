import { StateError } from '../../errors.js';
import { uniqueId } from './end-table.js';
import { ProcessLink } from './link.js';
import { Router } from './router.js';

/** Set in the environment of a child, and taken out of it as soon as the child has read it: nobody inherits it. */
const MARKER = 'NODE_MULTIPROCESSING_CHILD';
const BACKEND = 'fallback';

/** Where this process comes from. */
export interface Origin {
  readonly router: Router;
  /** Undefined at the root. */
  readonly parent: { readonly pid: number; readonly ended: Promise<void> } | undefined;
}

/** Whether a process of the fallback backend has started this one, so that it must use the same backend. */
export function startedByFallback(): boolean {
  return process.env[MARKER]?.startsWith(`${BACKEND}:`) === true;
}

/** The environment of a child. */
export function markedEnvironment(child: string, depth: number): NodeJS.ProcessEnv {
  return { ...process.env, [MARKER]: [BACKEND, child, depth, process.pid].join(':') };
}

export function findOrigin(): Origin {
  if (!startedByFallback()) {
    return { router: new Router({ process: uniqueId(), depth: 0 }), parent: undefined };
  }
  const [, id, depth, parentPid] = (process.env[MARKER] ?? '').split(':');
  delete process.env[MARKER];
  if (id === undefined || process.send === undefined) {
    throw new StateError('this process carries the mark of a child, but has no line to its parent');
  }
  let onEnded = (): void => undefined;
  const ended = new Promise<void>((resolve) => (onEnded = resolve));
  const parent = ProcessLink.toParent();
  hideLine();
  const router = new Router({ process: id, depth: Number(depth), parent, onOrphaned: end });
  process.once('disconnect', onEnded);
  return { router, parent: { pid: Number(parentPid), ended } };
}

/**
 * A plain Node process has no `process.send`, and programs ask by its presence whether somebody listens. `process.channel`,
 * `connected` and `disconnect` stay, because Node itself works with them when the line goes down.
 */
function hideLine(): void {
  delete process.send;
}

/** At once, as if the parent's end had taken this process with it; no exit handlers run, as after any kill. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}
