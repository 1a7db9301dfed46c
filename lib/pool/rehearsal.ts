/** Runs a worker's code once in the process that forks workers, so that V8 has compiled it when they are born. */
import { log } from '../base/log.js';
import { FrameKind, TaskFlags } from './frames.js';
import { inheritedFunctions, type FunctionSource } from './functions.js';
import { PoolLine } from './pool-line.js';
import { CallShape } from './task.js';
import { hasServed, serveTasks } from './worker-loop.js';

const nothing = (): undefined => undefined;

let rehearsal: Promise<void> | undefined;

/**
 * Resolves when it has been done. Each worker would compile some forty functions anew, while its pool waits for it: two of the six
 * milliseconds that it takes to come to its first task. Where tasks have been served there is nothing left to compile.
 */
export function rehearseWorker(): Promise<void> {
  return (rehearsal ??= hasServed() ? Promise.resolve() : rehearse());
}

async function rehearse(): Promise<void> {
  const inherited = inheritedFunctions();
  const functions: FunctionSource = {
    ...inherited,
    get: () => nothing,
    known: (id) => inherited.known(id) ?? nothing,
  };
  let ends: readonly PoolLine[] = [];
  try {
    const [pool, worker] = (ends = PoolLine.pair());
    const serving = serveTasks(worker, { functions, initializer: undefined, maxMemory: undefined });
    // A short one, and one whose beginning is told; the end finds the worker asleep.
    const flags = TaskFlags.Marked;
    await pool.send({ kind: FrameKind.Task, shape: CallShape.Each, flags, taskId: 1 }, [0]);
    await pool.send({ kind: FrameKind.Task, shape: CallShape.Apply, taskId: 2 }, []);
    while ((await pool.recv())?.taskId !== 2) continue;
    await pool.send({ kind: FrameKind.Stop });
    await serving;
  } catch (error) {
    // Workers compile it themselves then.
    log('the rehearsal of a worker failed: %o', error);
  } finally {
    for (const end of ends) end.close();
  }
}
