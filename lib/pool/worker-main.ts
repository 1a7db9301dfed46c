/** The first code of a worker. */
import { whileImporting } from '../process/import-guard.js';
import { own } from '../process/own-state.js';
import {
  isInMainModule,
  resolveCallable,
  type CallableReference,
} from '../serialization/bound-function.js';
import { referencedFunctions } from './functions.js';
import { PoolLine } from './pool-line.js';
import type { WorkerLines } from './worker-lines.js';
import { serveTasks, type WorkerSetup } from './worker-loop.js';

/** What a spawned worker is told. */
export interface SpawnedSetup {
  readonly initializer: CallableReference | undefined;
  readonly initArgs: readonly unknown[];
  readonly maxMemory: number | undefined;
}

/** The target of spawned workers. */
export async function serveSpawned(
  tasks: PoolLine,
  control: PoolLine,
  { initializer, initArgs, maxMemory }: SpawnedSetup,
): Promise<void> {
  const load = async (reference: CallableReference): Promise<unknown> => {
    const isMain = isInMainModule(reference);
    const fn = await whileImporting(() => resolveCallable(reference), isMain);
    return fn(...initArgs);
  };
  const lines = { tasks, control };
  await becomeWorker(lines, {
    functions: referencedFunctions(),
    initializer: initializer && (() => load(initializer)),
    maxMemory,
  });
}

export async function becomeWorker(lines: WorkerLines, setup: WorkerSetup): Promise<void> {
  PoolLine.keepOnly(lines.tasks, lines.control);
  // A worker ends with its parent, as daemons do, but its tasks may have children and pools of their own.
  own.birth.daemon = false;
  // Ctrl-C reaches a terminal's whole group. What becomes of the pool is its parent's decision, and workers end with it.
  process.on('SIGINT', () => undefined);
  // In ps and top. On Windows a title is the console's, which is not ours.
  if (process.platform !== 'win32') process.title = own.birth.name;
  await serveTasks(lines, setup);
}
