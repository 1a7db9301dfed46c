import { own } from './own-state.js';
import type { ParentIdentity } from './own-state.js';
import { ParentProcess } from './parent-process.js';
import { Process } from './process.js';
import type { ProcessOptions } from './process-options.js';
import { Making } from './process-options.js';

/** The process that nobody of ours has started. */
class MainProcess extends Process {}

/** The running process, the same object at every call. In a child it is the object that was started. */
export function currentProcess(): Process {
  if (own.self === undefined) {
    const Class = own.birth.identity.length === 0 ? MainProcess : Process;
    own.self = new Class(new Making(own.birth, undefined) as ProcessOptions);
  }
  return own.self as Process;
}

let seen: { identity: ParentIdentity; parent: ParentProcess } | undefined;

/** The process that started this one; null in a main process. The same object at every call. */
export function parentProcess(): ParentProcess | null {
  const identity = own.birth.parent;
  if (identity === undefined) return null;
  if (seen?.identity !== identity) seen = { identity, parent: new ParentProcess(identity) };
  return seen.parent;
}

/** The children of this process that are running, in a fresh array, in order of their start. Reaps those that have ended. */
export function activeChildren(): Process[] {
  const running = [...own.children].filter(([, child]) => child.check() === undefined);
  return running.map(([process]) => process as Process);
}
