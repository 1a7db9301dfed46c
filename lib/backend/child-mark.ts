import { isMainThread } from 'node:worker_threads';
import type { BackendName } from './contract.js';

/** Set in the environment of a child, and taken out of it as soon as the child has read it: nobody inherits it. */
const MARKER = 'NODE_MULTIPROCESSING_CHILD';

/** The environment of a child of `backend`, which is told `details` there. */
export function markedEnvironment(
  backend: BackendName,
  ...details: (string | number)[]
): NodeJS.ProcessEnv {
  const mark = { [MARKER]: [backend, ...details].join(':') };
  // Electron's own program would begin else, as child_process.fork() knows.
  const asNode = process.versions['electron'] === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' };
  return { ...process.env, ...asNode, ...mark };
}

/** The backend of the process that has started this one: this one must use the same. */
export function backendOfParent(): BackendName | undefined {
  const [backend] = (process.env[MARKER] ?? '').split(':');
  return backend === 'native' || backend === 'fallback' ? backend : undefined;
}

/** A thread has a copy of the environment, perhaps from before the mark was taken. */
const isMarked = isMainThread && backendOfParent() !== undefined;

/** For every copy of the package in this process. */
const ATTACHED = Symbol.for('node-multiprocessing.attached.1');
const globals = globalThis as { [ATTACHED]?: true };

/** A child's own program has taken up the line to its parent. */
export function noteAttached(): void {
  globals[ATTACHED] = true;
}

/** This process was to be a child, and runs another program than a child's: it has not noticed. */
export function isBegunAgain(): boolean {
  return isMarked && globals[ATTACHED] !== true;
}

/** What this child was told; the mark is gone then. */
export function takeMark(): string[] {
  const [, ...details] = (process.env[MARKER] ?? '').split(':');
  delete process.env[MARKER];
  return details;
}
