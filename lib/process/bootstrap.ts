/**
 * What runs in every child, forked or spawned, around its work: it becomes the new process, does the work, and leaves with
 * an exit code. The child ends when the work has returned and its promise, if any, has settled; other work that is still in
 * the event loop does not hold it. Its 'exit' listeners always run.
 */
import { EventEmitter } from 'node:events';
import { exitForked } from './after-fork/identity.js';
import { endChildren, hasChildren } from './exit.js';
import type { Birth } from './own-state.js';
import { become, own } from './own-state.js';
import { flushStdio, isWriting } from './stdio.js';
import { printError, printTraceback } from './traceback.js';

/** Node's own exit code for an `await` that nothing can settle any more. */
export const UNSETTLED = 13;

export interface ChildBody {
  readonly birth: Birth;
  /** The process object, where it is known already. */
  readonly self?: object;
  readonly work: { run: () => unknown };
  /** Leaves with process.exitCode, after the 'exit' listeners. process.exit() by default. */
  readonly exit?: () => void;
}

/** What the end of a child touches. A rehearsal has a stand-in for it. */
interface Stage {
  readonly process: Pick<NodeJS.Process, 'exitCode' | 'on'>;
  readonly isIdle: () => boolean;
  readonly own: typeof own;
}

/** Nothing that a child would have to wait for before it leaves. */
function isIdle(): boolean {
  return !hasChildren() && !isWriting();
}

/**
 * Once in the parent of forked children: what it has compiled, no child compiles again, and that is most of the time of a
 * child without work.
 */
export function rehearseChild(): void {
  isIdle();
  const { birth } = own;
  own.birth = birth; // a setter
  const stand = Object.assign(new EventEmitter(), { exitCode: undefined });
  const exit = (): void => exitForked(stand as unknown as NodeJS.Process);
  runChild(
    { birth: own.birth, work: { run: () => undefined }, exit },
    {
      process: stand as unknown as Stage['process'],
      isIdle: () => true,
      own: { ...own, children: new Map() },
    },
  );
}

export function runChild(
  { birth, self, work, exit = () => process.exit() }: ChildBody,
  stage: Stage = { process, isIdle, own },
): void {
  become(birth, self, stage.own);
  stage.process.exitCode = undefined;
  const ending = new Ending(birth, stage, exit);
  let result: unknown;
  try {
    result = work.run();
  } catch (error) {
    ending.fail(error);
    return;
  }
  if (isThenable(result)) {
    Promise.resolve(result).then(
      () => ending.succeed(),
      (error: unknown) => ending.fail(error),
    );
  } else {
    ending.succeed();
  }
}

/** The ways out of a child. The first one taken counts. */
class Ending {
  readonly #birth: Birth;
  readonly #stage: Stage;
  readonly #exit: () => void;
  #settled = false;
  #drained = false;

  constructor(birth: Birth, stage: Stage, exit: () => void) {
    this.#birth = birth;
    this.#stage = stage;
    this.#exit = exit;
    stage.process.on('uncaughtException', this.#onUncaught);
    stage.process.on('beforeExit', this.#onBeforeExit);
    stage.process.on('exit', this.#onExit);
  }

  succeed(): void {
    if (this.#settle()) this.#leave();
  }

  fail(error: unknown): void {
    if (!this.#settle()) return;
    printTraceback(this.#birth.name, error);
    process.exitCode = 1;
    this.#leave();
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    return true;
  }

  /** One turn of the loop first: what the work left rejected or queued behind it is still seen. */
  #leave(): void {
    setImmediate(() => {
      if (this.#stage.isIdle()) {
        this.#exit();
        return;
      }
      void endChildren().then(flushStdio).finally(this.#exit);
    });
  }

  /** A program that listens itself decides itself, as in Node. */
  readonly #onUncaught = (error: unknown): void => {
    if (process.listenerCount('uncaughtException') > 1) return;
    this.#settle();
    printTraceback(this.#birth.name, error);
    process.exitCode = 1;
    void flushStdio().finally(() => process.exit(1));
  };

  readonly #onBeforeExit = (): void => {
    this.#drained = true;
    setImmediate(() => {
      this.#drained = false; // Somebody had something left to do after all.
    }).unref();
  };

  /** The loop has run dry while the work's promise is open: nothing can settle it any more. */
  readonly #onExit = (): void => {
    if (this.#settled || !this.#drained) return;
    this.#settled = true;
    printError(
      `Process ${this.#birth.name}: the promise of its work never settled and nothing is left to settle it${hint()}\n`,
    );
    // The end of a dry loop is the one end that does not come through process.exit(), so it is turned into one.
    process.off('exit', this.#onExit);
    process.exitCode = UNSETTLED;
    process.emit('exit', UNSETTLED);
    process.exit(UNSETTLED);
  };
}

function hint(): string {
  return own.startMethod === 'fork'
    ? ' (a forked child never sees the end of what its parent had under way, such as an import() of a module that awaits something)'
    : '';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  const kind = typeof value;
  if ((kind !== 'object' && kind !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
