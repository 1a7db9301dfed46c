/** Runs a worker's code once in the process that forks workers, so that V8 has compiled it when they are born. */
import { log } from '../base/log.js';
import { FrameKind, TaskFlags } from './frames.js';
import { inheritedFunctions, type FunctionSource } from './functions.js';
import type { ControlLine, TaskLine } from './pool-line.js';
import type { Frame } from './received-frame.js';
import { CallShape } from './task.js';
import { hasBegunToServe, serveTasks } from './worker-loop.js';

const nothing = (): undefined => undefined;

/**
 * Each worker would compile some thirty functions anew, while its pool waits for its first answer. Nothing of it waits for anything
 * but its own promises, so it is over before the next safe point of the event loop, at which the worker is forked. Where tasks are
 * served, or this was called before, also in a process that this one was forked from, there is nothing left to compile.
 */
export function rehearseWorker(): void {
  if (hasBegunToServe()) return;
  const inherited = inheritedFunctions();
  const functions: FunctionSource = {
    ...inherited,
    get: () => nothing,
    known: (id) => inherited.known(id) ?? nothing,
  };
  serveTasks(
    { tasks: new StandIn(), control: SILENT },
    { functions, initializer: undefined, maxMemory: undefined },
  ).catch(
    // Workers compile it themselves then.
    (error: unknown) => {
      log('the rehearsal of a worker failed: %o', error);
    },
  );
}

const SILENT: ControlLine = {
  listen: () => nothing,
  look: () => false,
  poll: () => Promise.resolve(false),
  recv: () => Promise.resolve(undefined),
};

const task = (shape: CallShape, flags: number, payload: readonly unknown[]): Frame => ({
  kind: FrameKind.Task,
  shape,
  flags,
  number: 0,
  taskId: 0,
  batch: 0,
  read: () => payload,
});

/** Brings one task that is marked, and for whoever waits one more whose beginning is told; then it is at its end. */
class StandIn implements TaskLine {
  #atOnce: Frame | undefined = task(CallShape.Each, TaskFlags.Marked, [0]);
  #awaited: Frame | undefined = task(CallShape.Apply, 0, []);

  tryRecv(): Frame | undefined {
    const frame = this.#atOnce;
    this.#atOnce = undefined;
    return frame;
  }

  recv(): Promise<Frame | undefined> {
    const frame = this.#awaited;
    this.#awaited = undefined;
    return Promise.resolve(frame);
  }

  awaitBriefly = nothing;
  mark = nothing;
  post = nothing;
  problemWith = nothing;
  send = nothing;
  tell = nothing;
}
