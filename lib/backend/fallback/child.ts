import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Deadline } from '../../base/deadline.js';
import { log } from '../../base/log.js';
import { openToAppend } from '../append-file.js';
import type { Child, ExitStatus, SpawnRequest, StdioTarget } from '../contract.js';
import { isNotPermitted, systemError } from '../system-error.js';
import { blocking } from './channel.js';
import { GuardPipe, guardStdio } from './guard.js';

/** @throws SystemError when the program cannot be started, or a file for its output not be opened. */
export async function startProcess(
  { entry, execArgv, cwd, stdout, stderr }: SpawnRequest,
  env: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  const opened: number[] = [];
  const target = (given: StdioTarget): StdioTarget => {
    if (typeof given !== 'string' || ['inherit', 'ignore', 'pipe'].includes(given)) return given;
    const fd = openToAppend(given);
    opened.push(fd);
    return fd;
  };
  try {
    const streams = ['ignore', target(stdout), target(stderr), 'ipc', ...guardStdio];
    const stdio = streams as StdioOptions;
    const started = spawn(process.execPath, [...execArgv, entry], {
      stdio,
      cwd,
      env,
      serialization: 'advanced',
      windowsHide: true,
    });
    if (started.pid !== undefined) return started;
    const [error] = (await once(started, 'error')) as [Error];
    throw error;
  } catch (error) {
    throw systemError('the child process could not be started', error);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** A child of node:child_process. */
export class FallbackChild implements Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #guard: GuardPipe;
  readonly #letGo: () => void;
  #exited: ExitStatus | undefined;
  #status: ExitStatus | undefined;
  #listeners: ((status: ExitStatus) => void)[] = [];
  #keepsLoop = true;

  constructor(process: ChildProcess, letGo: () => void) {
    this.pid = process.pid as number;
    this.#process = process;
    this.#guard = new GuardPipe(process);
    this.#letGo = letGo;
    process.on('error', (error) => {
      log('child %d: %s', this.pid, error.message);
    });
    process.once('exit', (code, signal) => {
      this.#guard.close();
      this.#exited = { exitCode: code ?? -signalNumber(signal), signalCode: signal };
      this.#settle();
    });
    process.once('disconnect', () => {
      this.#settle();
    });
  }

  get status(): ExitStatus | undefined {
    return this.#status;
  }

  get stdout(): NodeJS.ReadableStream | null {
    return this.#process.stdout;
  }

  get stderr(): NodeJS.ReadableStream | null {
    return this.#process.stderr;
  }

  onExit(listener: (status: ExitStatus) => void): void {
    const status = this.#status;
    if (status === undefined) this.#listeners.push(listener);
    else queueMicrotask(() => listener(status));
  }

  check(): ExitStatus | undefined {
    return this.#status;
  }

  waitSync(_deadline: Deadline): never {
    throw blocking('waitSync', 'await its end (join())');
  }

  hasEnded(): boolean {
    return this.#status !== undefined;
  }

  polled(): never {
    throw blocking('waitSync', 'await wait()');
  }

  kill(signal: NodeJS.Signals): boolean {
    if (this.#exited !== undefined) return false;
    if (this.#process.kill(signal)) return true;
    // Node tells of a lack of rights by an event only.
    try {
      process.kill(this.pid, 0);
    } catch (error) {
      if (isNotPermitted(error)) throw error;
    }
    return false;
  }

  ref(): void {
    this.#keepsLoop = true;
    this.#process.ref();
    if (this.#exited !== undefined) this.#process.channel?.ref();
  }

  unref(): void {
    this.#keepsLoop = false;
    this.#process.unref();
    this.#process.channel?.unref();
  }

  /** This process is about to end and cannot wait: the child goes on without it. */
  letGo(): void {
    this.#guard.letGo();
    this.#letGo();
  }

  /** Node has given everything up by itself when a child has ended. */
  release(): void {
    this.#listeners = [];
  }

  /** It has ended when all it had sent is here as well, so that nobody learns of its end before its last word. */
  #settle(): void {
    if (this.#exited === undefined || this.#status !== undefined) return;
    if (this.#process.connected) {
      if (this.#keepsLoop) this.#process.channel?.ref();
      return;
    }
    this.#status = this.#exited;
    for (const listener of this.#listeners.splice(0)) listener(this.#status);
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
