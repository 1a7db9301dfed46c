import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { log } from '../../base/log.js';

/**
 * The line shows a child the end of its parent only in its event loop, and one that is busy in JavaScript does not come there. So it
 * has a pipe besides, which a thread of its own listens to: the guard. On Windows there is none, because libuv puts children into a job
 * there, which ends with their parent.
 */
const GUARDED = process.platform !== 'win32';

/** Where a child finds the pipe: behind the standard streams and the line. */
const GUARD_FD = 4;

/** What is added to the streams of a child when it is started. */
export const guardStdio: readonly 'pipe'[] = GUARDED ? ['pipe'] : [];

/** The parent's end. Nobody else has it, so it ends with the parent, however that ends. */
export class GuardPipe {
  readonly #pipe: Socket | undefined;

  constructor(child: ChildProcess) {
    this.#pipe = (child.stdio[GUARD_FD] ?? undefined) as Socket | undefined;
    this.#pipe?.unref();
    this.#pipe?.on('error', () => undefined); // The child has ended, which its line tells.
  }

  /** The child goes on without this process. The system has that when this returns, so the process may end then. */
  letGo(): void {
    this.#pipe?.write('.');
  }

  /** The child has ended. */
  close(): void {
    this.#pipe?.destroy();
  }
}

/**
 * In a child, before any code of the user runs. The thread takes over nothing: no options of this Node and no environment, so that nothing
 * of the user's is loaded there. Where there are no threads the child goes on without it.
 */
export function startGuard(): void {
  if (!GUARDED) return;
  try {
    const guard = new Worker(`(${watchParent.toString()})();`, {
      eval: true,
      name: 'multiprocessing guard',
      workerData: GUARD_FD,
      execArgv: [],
      env: {},
      // Else process.stdout and process.stderr would be made, for what it never prints.
      stdout: true,
      stderr: true,
    });
    guard.unref();
    guard.on('error', noGuard);
  } catch (error) {
    noGuard(error);
  }
}

/**
 * What the thread runs, as text: it needs no file, so it comes up where none can be opened. It ends with the pipe, when the parent has
 * written to it. It does not listen to 'close', which comes at the end of the thread too.
 */
function watchParent(): void {
  const { Socket } = process.getBuiltinModule('node:net');
  const fd = process.getBuiltinModule('node:worker_threads').workerData as number;
  const pipe = new Socket({ fd, readable: true, writable: false });
  pipe.once('data', () => pipe.destroy());
  for (const event of ['end', 'error']) {
    pipe.once(event, () => process.kill(process.pid, 'SIGKILL'));
  }
}

function noGuard(error: unknown): void {
  log('no guard: %s', error);
}
