/** os.fork and its companions, and the order of a forked child's first steps. */
import { Worker } from 'node:worker_threads';
import { runResets } from '../../base/after-fork.js';
import type { ForkKind } from '../../base/after-fork.js';
import { checkInteger } from '../../base/options.js';
import { backend } from '../../backend/index.js';
import type { Child, Forking } from '../../backend/contract.js';
import { ForkUnavailableError } from '../../errors.js';
import { spawnUnavailable } from '../launch/spawn-availability.js';
import './async-waits.js';
import { runAfterInChild, runAfterInParent, runBefore } from './hooks.js';
import { printLastWords, rehearseIdentity, takeIdentity } from './identity.js';
import { prepareHttp2Sessions } from './http2-sessions.js';
import { missingInternals } from './internals.js';
import { quietNode, rehearseQuietNode } from './node-state.js';
import { prepareUndiciTimers } from './undici-timers.js';
import { refuseInheritedWorkers } from './workers.js';

export { registerAtFork } from './hooks.js';
export type { AtForkHooks } from './hooks.js';

/** How long fork() blocks for the libuv pool and busy threads, in milliseconds. */
const TWIN_WAIT_MS = 2000;

/** Why nothing can be forked here, or undefined. */
export function forkUnavailable(): string | undefined {
  return backend().forkUnavailable() ?? missingInternals();
}

/** @throws ForkUnavailableError with the reason and the way out. */
export function requireForking(): Forking {
  const { forking } = backend();
  const reason = forkUnavailable();
  if (forking === undefined || reason !== undefined) {
    const wayOut = spawnUnavailable() === undefined ? '; use the spawn start method' : '';
    throw new ForkUnavailableError(
      `fork is not available here: ${reason ?? `the ${backend().name} backend cannot fork`}${wayOut}`,
    );
  }
  return forking;
}

/** What the parent must know before its first fork, so that no child has to find it out. */
export function prepareToFork(forking: Forking): void {
  if (prepared) return;
  prepared = true;
  rehearseQuietNode();
  refuseInheritedWorkers({ postMessage: () => {}, terminate: () => Promise.resolve(0) });
  rehearseIdentity(forking);
  runResets('rehearsal');
  runAfterInChild(new Set());
}

let prepared = false;

export type ForkAttempt =
  | { readonly kind: 'child' }
  | { readonly kind: 'parent'; readonly child: Child }
  | { readonly kind: 'refused'; readonly reason: string; readonly transient: boolean };

/** One fork with everything around it. In the child it returns after the first steps and the user's hooks. */
export function attemptFork(
  forking: Forking,
  kind: ForkKind,
  waitMs: number,
  keepFds: readonly number[],
): ForkAttempt {
  // What the program has begun to use since its start() was called too.
  prepareUndiciTimers();
  prepareHttp2Sessions();
  runBefore();
  let attempt: ForkAttempt | undefined;
  try {
    attempt = forking.fork({ clean: kind === 'clean', waitMs, keepFds });
  } finally {
    if (attempt?.kind !== 'child') runAfterInParent();
  }
  if (attempt.kind === 'child') {
    // An error here must not travel up: above is the code of the parent that called.
    try {
      if (kind === 'clean') quietNode(keepFds);
      refuseInheritedWorkers(Worker.prototype);
      takeIdentity(forking);
      runResets(kind);
      runAfterInChild();
    } catch (error) {
      printLastWords(error);
      forking.exitNow(1);
    }
  }
  return attempt;
}

/**
 * os.fork(): duplicates this process, with every variable, timer, socket and pending operation. Returns the child's process
 * number in the parent and 0 in the child; both go on from here. Blocking: the thread waits until libuv's pool is idle, at
 * most two seconds. Rarely what you want: sockets and timers then act in both processes. `Process` runs a function in a
 * clean child. The child ends by `exitNow()`, `process.exit()` or when nothing is left to do, always without Node's tear-down, and
 * it is killed when this process ends. The parent collects its status by itself.
 * @throws ForkUnavailableError where it cannot be done safely; a system error (EAGAIN, ENOMEM) when the kernel refuses.
 */
export function fork(): number {
  const forking = requireForking();
  prepareToFork(forking);
  const attempt = attemptFork(forking, 'twin', TWIN_WAIT_MS, []);
  switch (attempt.kind) {
    case 'child':
      return 0;
    case 'parent':
      reapUnwatched(attempt.child);
      return attempt.child.pid;
    case 'refused':
      throw new ForkUnavailableError(
        `fork is not possible now: ${attempt.reason}; try again later, or use a Process`,
      );
  }
}

/** Nobody holds a handle on a child of fork(): it is collected so that it does not stay a zombie, and does not hold the loop. */
function reapUnwatched(child: Child): void {
  child.unref();
  child.onExit(() => {
    child.release();
  });
}

/**
 * os._exit(): ends this process at once with `code` (0 to 255, default 0). No 'exit' listeners, no flushing. In a process
 * that was not forked, and where there is no native backend, it is process.reallyExit.
 * @throws RangeError for a code that is not 0 to 255.
 */
export function exitNow(code = 0): never {
  checkInteger('code', code, 0, 255);
  const { forking } = backend();
  if (forking !== undefined) return forking.exitNow(code);
  return (process as unknown as { reallyExit: (code: number) => never }).reallyExit(code);
}
