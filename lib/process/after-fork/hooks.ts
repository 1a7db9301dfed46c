/** The user's hooks around a fork, Python's os.register_at_fork. */
import { type Names, OTHERS_TOO } from '../../base/option-names.js';
import { checkFunction, checkOptions, invalidType } from '../../base/options.js';

export interface AtForkHooks {
  /** In the parent, right before; in reverse order of registration. A throw prevents the fork and reaches the caller. */
  before?: () => void;
  /** In the parent, right after, also when the fork failed. */
  afterInParent?: () => void;
  /** In the child, before anything else of the program. A throw ends the child with exit code 1. */
  afterInChild?: () => void;
}

const HOOKS: Names<AtForkHooks> = { before: true, afterInParent: true, afterInChild: true };

const registered = new Set<Readonly<AtForkHooks>>();

/**
 * Runs hooks around every fork of this process: `fork()` and processes started by the fork method. For what a
 * library keeps outside of JavaScript and cannot share with a child, above all connections: close or mark them here.
 * `before` and `afterInParent` run around every attempt, and a process whose thread pool is busy may need several.
 * Python's `os.register_at_fork`. Hooks must be synchronous. Children inherit the registrations.
 * @returns what takes the registration back.
 * @throws TypeError when a hook is not a function.
 */
export function registerAtFork(hooks: AtForkHooks): () => void {
  if (hooks === undefined) throw invalidType('hooks', 'an object', hooks);
  checkOptions('hooks', hooks, HOOKS, OTHERS_TOO);
  const { before, afterInParent, afterInChild } = hooks;
  if (before !== undefined) checkFunction('hooks.before', before);
  if (afterInParent !== undefined) checkFunction('hooks.afterInParent', afterInParent);
  if (afterInChild !== undefined) checkFunction('hooks.afterInChild', afterInChild);
  const entry = { ...hooks };
  registered.add(entry);
  return () => {
    registered.delete(entry);
  };
}

/** Those that had their `before` hear of the end, also when a later `before` prevented the fork. */
export function runBefore(): void {
  const called: Readonly<AtForkHooks>[] = [];
  for (const hooks of [...registered].reverse()) {
    try {
      hooks.before?.();
    } catch (error) {
      reportAll(called.reverse().map((entry) => entry.afterInParent));
      throw error;
    }
    called.push(hooks);
  }
}

export function runAfterInParent(): void {
  reportAll([...registered].map((hooks) => hooks.afterInParent));
}

/** Those that are registered; a rehearsal gives none. */
export function runAfterInChild(all: ReadonlySet<Readonly<AtForkHooks>> = registered): void {
  for (const hooks of [...all]) hooks.afterInChild?.();
}

/** The fork has happened whatever a hook says, so its error cannot be thrown at the caller: it is an uncaught exception. */
function reportAll(hooks: readonly ((() => void) | undefined)[]): void {
  for (const hook of hooks) {
    try {
      hook?.();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
