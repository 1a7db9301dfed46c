import { StateError } from '../../errors.js';
import { backendOfParent, markedEnvironment, takeMark } from '../child-mark.js';
import { uniqueId } from './end-table.js';
import { ProcessLink } from './link.js';
import { ownLine } from './own-line.js';
import { Router } from './router.js';

/** Where this process comes from. */
export interface Origin {
  readonly router: Router;
  /** Undefined at the root. */
  readonly parent: { readonly pid: number; readonly ended: Promise<void> } | undefined;
}

/** The environment of a child. */
export function environmentOf(child: string, depth: number): NodeJS.ProcessEnv {
  return markedEnvironment('fallback', child, depth, process.pid);
}

export function findOrigin(): Origin {
  if (backendOfParent() !== 'fallback') {
    return { router: new Router({ process: uniqueId(), depth: 0 }), parent: undefined };
  }
  const [id, depth, parentPid] = takeMark();
  if (id === undefined || process.send === undefined) {
    throw new StateError('this process carries the mark of a child, but has no line to its parent');
  }
  let onEnded = (): void => undefined;
  const ended = new Promise<void>((resolve) => (onEnded = resolve));
  const line = ownLine();
  const parent = ProcessLink.toParent(line);
  const router = new Router({ process: id, depth: Number(depth), parent, onOrphaned: end });
  line.on('disconnect', onEnded);
  return { router, parent: { pid: Number(parentPid), ended } };
}

/** At once, as if the parent's end had taken this process with it; no exit handlers run, as after any kill. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}
