/** The two lines between a pool and one of its workers. */
import { PoolLine } from './pool-line.js';

/** The ends of one side. */
export interface WorkerLines {
  /** To the worker its tasks, one after the other, and from it all that it says. */
  readonly tasks: PoolLine;
  /**
   * To the worker what is said of tasks: what their functions are, and which nobody waits for. Apart from them, so that a worker can listen
   * for an abort and leave the tasks behind where they are, from where others can take them over.
   */
  readonly control: PoolLine;
}

/** The pool's ends and the worker's. */
export function makeWorkerLines(): [ours: WorkerLines, theirs: WorkerLines] {
  const [ourTasks, theirTasks] = PoolLine.pair();
  try {
    const [ourControl, theirControl] = PoolLine.pair();
    return [
      { tasks: ourTasks, control: ourControl },
      { tasks: theirTasks, control: theirControl },
    ];
  } catch (error) {
    ourTasks.close();
    theirTasks.close();
    throw error;
  }
}

export function closeWorkerLines({ tasks, control }: WorkerLines): void {
  tasks.close();
  control.close();
}
