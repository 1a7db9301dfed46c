/** What the end of a worker means: for its tasks, in words, and for the next start. */
import type { ExitStatus } from '../backend/contract.js';
import { WorkerDiedError } from '../errors.js';
import { UNSETTLED } from '../process/bootstrap.js';
import type { PoolWorker } from './pool-worker.js';
import type { Task } from './task.js';

/** How it has ended, in words. */
export function endOf({ exitCode, signalCode }: ExitStatus): string {
  if (signalCode !== null) return `was killed by ${signalCode}`;
  const why = exitCode === UNSETTLED ? NEVER_SETTLED : '';
  return `exited with code ${String(exitCode)}${why}`;
}

const NEVER_SETTLED =
  ', as nothing was left to settle what it awaited (a forked worker never sees the end of what its parent had under way, ' +
  'such as an import() of a module that awaits something),';

export function workerDied(
  worker: PoolWorker,
  status: ExitStatus,
  task?: Task,
  begun = false,
): WorkerDiedError {
  return new WorkerDiedError(`${worker.describe()} ${endOf(status)}${during(task, begun)}`, {
    pid: worker.pid ?? 0,
    exitCode: status.exitCode,
    signalCode: status.signalCode,
    ran: begun,
  });
}

function during(task: Task | undefined, begun: boolean): string {
  if (task === undefined) return ' without a task';
  if (begun) return ` while it ran ${task.fn.name}`;
  return ` before it could begin ${task.fn.name}, as did ${String(task.lostBeforeStart - 1)} workers before it`;
}

const SHORTAGES = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE']);

/** Too few descriptors, processes or much memory now; there may be enough in a moment. */
export function isPassingShortage(error: unknown): boolean {
  return SHORTAGES.has((error as { code?: string } | undefined)?.code ?? '');
}

/** A task with which this many workers have died before it began is not tried again: reading it may be what kills them. */
const MAX_LOST_BEFORE_START = 3;

/** The task that was next when its worker died, if it was so once too often. */
export function takeHopeless(lost: Task[]): Task | undefined {
  const next = lost[0];
  if (next === undefined || ++next.lostBeforeStart < MAX_LOST_BEFORE_START) return undefined;
  return lost.shift();
}
