import type { BackendName } from './contract.js';

/** Set in the environment of a child, and taken out of it as soon as the child has read it: nobody inherits it. */
const MARKER = 'NODE_MULTIPROCESSING_CHILD';

/** The environment of a child of `backend`, which is told `details` there. */
export function markedEnvironment(
  backend: BackendName,
  ...details: (string | number)[]
): NodeJS.ProcessEnv {
  return { ...process.env, [MARKER]: [backend, ...details].join(':') };
}

/** The backend of the process that has started this one: this one must use the same. */
export function backendOfParent(): BackendName | undefined {
  const [backend] = (process.env[MARKER] ?? '').split(':');
  return backend === 'native' || backend === 'fallback' ? backend : undefined;
}

/** What this child was told; the mark is gone then. */
export function takeMark(): string[] {
  const [, ...details] = (process.env[MARKER] ?? '').split(':');
  delete process.env[MARKER];
  return details;
}
