import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import type { Deadline } from '../../base/deadline.js';
import { READABLE, type PolledDescriptor } from '../../base/readiness.js';
import { StateError } from '../../errors.js';
import type { NativeChild } from '../addon.js';
import type { Child, ExitStatus } from '../contract.js';
import { ExitNews, exitStatus, exitStatusOf } from './exit-status.js';

/** What a child of either kind does by its pidfd. */
abstract class HeldChild {
  readonly pid: number;
  protected readonly native: NativeChild;
  protected readonly news = new ExitNews();

  constructor(native: NativeChild) {
    this.native = native;
    this.pid = native.pid;
  }

  get status(): ExitStatus | undefined {
    return this.news.status;
  }

  onExit(listener: (status: ExitStatus) => void): void {
    this.news.onExit(listener);
  }

  check(): ExitStatus | undefined {
    return this.status ?? this.#learn(this.native.check());
  }

  waitSync(deadline: Deadline): ExitStatus | undefined {
    const status = this.status ?? this.#learn(this.native.waitSync(deadline.remainingMs()));
    if (status === undefined && !deadline.passed) throw collectedButNotTold(this.pid);
    return status;
  }

  hasEnded(): boolean {
    return this.check() !== undefined || this.native.ended;
  }

  polled(): PolledDescriptor {
    return { fd: this.native.fd, events: READABLE };
  }

  kill(signal: NodeJS.Signals): boolean {
    return this.status === undefined && this.native.kill(constants.signals[signal]);
  }

  endWithThread(): void {
    this.native.endWithThread();
  }

  release(): void {
    const { status } = this;
    // A look has found the end before the event loop came to it; its listeners still hear of it.
    if (status) queueMicrotask(() => this.news.tell(status));
    this.native.release();
  }

  #learn(found: [code: number, signal: number] | undefined): ExitStatus | undefined {
    return found && this.news.learn(exitStatus(...found));
  }
}

/**
 * Node reaps several children before it tells of the first; on kernels before 6.15 the status of the others cannot be had in
 * between by asking.
 */
function collectedButNotTold(pid: number): StateError {
  return new StateError(
    `child ${pid} has ended, and Node is about to tell how: its exit code cannot be had by blocking in this very ` +
      'callback; use await join()',
  );
}

/** Made by fork: nobody else reaps it. */
export class ForkedChild extends HeldChild implements Child {
  readonly stdout = null;
  readonly stderr = null;

  constructor(native: NativeChild) {
    super(native);
    native.watch((code, signal) => {
      this.news.tell(exitStatus(code, signal));
    });
  }

  ref(): void {
    this.native.ref();
  }

  unref(): void {
    this.native.unref();
  }
}

/** Node's event loop has them still to collect. */
const uncollected = new Set<SpawnedNode>();

resetAfterFork(AfterForkOrder.Handles, (occasion) => {
  if (occasion !== 'rehearsal') uncollected.clear();
});

/**
 * At the end of this process, when Node's event loop is over. Otherwise those that have ended would stay zombies until the
 * first process of the system has collected them, which in a container may be a program that never does.
 */
export function collectEnded(): void {
  for (const child of uncollected) child.collect();
}

/** Made by node:child_process, which reaps it; its status is looked at beforehand where somebody blocks for it. */
export class SpawnedNode extends HeldChild implements Child {
  readonly #process: ChildProcess;
  #collected = false;

  constructor(process: ChildProcess, native: NativeChild) {
    super(native);
    this.#process = process;
    uncollected.add(this);
    process.once('exit', (code, signalCode) => {
      this.#collected = true;
      uncollected.delete(this);
      // So that the addon hears of it too: what the child held in shared memory is given back.
      this.native.check();
      this.news.tell(exitStatusOf(code, signalCode));
    });
  }

  get stdout(): NodeJS.ReadableStream | null {
    return this.#process.stdout;
  }

  get stderr(): NodeJS.ReadableStream | null {
    return this.#process.stderr;
  }

  ref(): void {
    this.#process.ref();
  }

  collect(): void {
    this.native.collect();
  }

  /** Held until Node has collected it: a worker_thread that ends before that leaves it to whoever has the descriptor. */
  override release(): void {
    if (this.#collected) super.release();
    else this.#process.once('exit', () => super.release());
  }

  unref(): void {
    this.#process.unref();
  }
}
