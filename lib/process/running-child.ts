import type { Socket } from 'node:net';
import type { Child, ExitStatus } from '../backend/contract.js';
import { isNotPermitted, systemError } from '../backend/system-error.js';
import { throwIfAborted } from '../base/abort-signal.js';
import type { Deadline } from '../base/deadline.js';
import type { Wait } from '../base/options.js';
import type { PolledDescriptor } from '../base/readiness.js';
import { PendingWait } from '../base/wait.js';

/**
 * A started child as the rest of the room sees it: its end is told once to whoever asked, whichever way it was noticed, and
 * it holds the event loop while it is not a daemon or while somebody waits for it.
 */
export class RunningChild {
  readonly daemon: boolean;
  readonly #child: Child;
  readonly #listeners = new Set<(status: ExitStatus) => void>();
  #status: ExitStatus | undefined;
  #holds = 0;

  constructor(child: Child, daemon: boolean) {
    this.daemon = daemon;
    this.#child = child;
    this.#unref();
    if (daemon) child.endWithThread?.();
    else this.#hold();
    child.onExit((status) => {
      this.#end(status);
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get stdout(): NodeJS.ReadableStream | null {
    return this.#child.stdout;
  }

  get stderr(): NodeJS.ReadableStream | null {
    return this.#child.stderr;
  }

  /** How it ended, looked up now; undefined while it runs. */
  check(): ExitStatus | undefined {
    return this.#status ?? this.#end(this.#child.check());
  }

  /** Whether it has ended, looked up now. Its status can be unknown for a moment longer. */
  hasEnded(): boolean {
    return this.check() !== undefined || this.#child.hasEnded();
  }

  /** What a thread polls that blocks for its end and for other things. */
  polled(): PolledDescriptor {
    return this.#child.polled();
  }

  /** How it ended; undefined when the timeout passed first. Keeps the event loop alive meanwhile. */
  async wait(wait: Wait): Promise<ExitStatus | undefined> {
    throwIfAborted(wait.signal);
    const status = this.check();
    if (status !== undefined || wait.timeout === 0) return status;
    const forget = this.onEnd((ended) => {
      pending.resolve(ended);
    });
    this.#hold();
    const pending = new PendingWait<ExitStatus | undefined>(
      wait,
      () => this.check(),
      () => {
        forget();
        this.#letGo();
      },
    );
    return pending.promise;
  }

  /** Blocks. */
  waitSync(deadline: Deadline): ExitStatus | undefined {
    return this.check() ?? this.#end(this.#child.waitSync(deadline));
  }

  /** Tells the end, soon when it is past already. Returns what takes the listener back. Does not keep the loop alive. */
  onEnd(listener: (status: ExitStatus) => void): () => void {
    let wanted = true;
    const once = (status: ExitStatus): void => {
      if (!wanted) return;
      wanted = false;
      listener(status);
    };
    const status = this.#status;
    if (status === undefined) this.#listeners.add(once);
    else queueMicrotask(() => once(status));
    return () => {
      wanted = false;
      this.#listeners.delete(once);
    };
  }

  /** @throws SystemError (EPERM) where it is of a user whom this process may not signal. */
  kill(signal: NodeJS.Signals): void {
    try {
      if (this.check() === undefined) this.#child.kill(signal);
    } catch (error) {
      const what = `process ${String(this.pid)} is of a user whom this process may not signal, as one of the two has called setuid() since its start`;
      throw isNotPermitted(error) ? systemError(what, error) : error;
    }
  }

  /** False where that is not permitted. */
  tryKill(signal: NodeJS.Signals): boolean {
    try {
      this.kill(signal);
      return true;
    } catch (error) {
      if (isNotPermitted(error)) return false;
      throw error;
    }
  }

  /** This process ends and cannot wait: the child goes on alone, where the backend has a way to say so. */
  goodbye(): void {
    (this.#child as Child & { letGo?: () => void }).letGo?.();
  }

  /** Nobody can read any more: the child gets EPIPE, where it would else wait for a reader for ever. */
  closeStreams(): void {
    for (const stream of this.#streams()) stream.destroy();
  }

  /** What somebody reads is left to him. */
  closeUnread(): void {
    for (const stream of this.#streams()) if (isUnread(stream)) stream.destroy();
  }

  /** The streams too: those of a daemon that lives until the parent's end would else keep the parent from ending. */
  #ref(): void {
    this.#child.ref();
    for (const stream of this.#streams()) stream.ref();
  }

  #unref(): void {
    this.#child.unref();
    for (const stream of this.#streams()) stream.unref();
  }

  #streams(): Socket[] {
    return [this.#child.stdout, this.#child.stderr].filter((stream) => stream !== null) as Socket[];
  }

  #hold(): void {
    this.#holds += 1;
    if (this.#holds === 1 && this.#status === undefined) this.#ref();
  }

  #letGo(): void {
    this.#holds -= 1;
    if (this.#holds === 0 && this.#status === undefined) this.#unref();
  }

  /**
   * The listeners run as microtasks: the end may have been noticed in the middle of somebody's synchronous call. With the
   * status known the descriptors are of no more use; they do not wait for somebody to close the process object.
   */
  #end(status: ExitStatus | undefined): ExitStatus | undefined {
    if (status === undefined || this.#status !== undefined) return this.#status;
    this.#status = status;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) queueMicrotask(() => listener(status));
    queueMicrotask(() => this.#child.release());
    if (this.#streams().length > 0) setImmediate(() => this.#drainUnread());
    return status;
  }

  /** As Node does with its children's: a stream that is not read to its end keeps its descriptor for ever. */
  #drainUnread(): void {
    for (const stream of this.#streams()) if (isUnread(stream)) stream.resume();
  }
}

function isUnread(stream: Socket): boolean {
  return stream.readableFlowing === null && stream.listenerCount('readable') === 0;
}
