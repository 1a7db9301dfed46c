/** The addon's surface, typed; the loading through node-gyp-build. Nobody but the native backend imports this. */
import { folderByName, packageFiles } from '../base/package-files.js';
import type { NativeNamed } from './native/named-semaphores.js';
import type { NativeSync } from './native/sync-addon.js';

/** A descriptor's stream of framed messages. Owns the descriptor. Not thread-safe: one per environment. */
export interface NativeChannel {
  /**
   * The next whole message, together with its descriptors (which are the caller's) when it has some. One that is small
   * enough is written to `scratch`, and the answer is its length: memory from Node's own pool costs far less than a Buffer
   * that is made here. Undefined when it has not all arrived; null at the end of the stream. Throws ECONNRESET when the stream ends inside a message, EPROTO when what
   * arrives is no message, ECONNABORTED after a fork in the midst of one; EMFILE when only this message is lost, because its
   * descriptors did not fit into this process.
   */
  tryRecv(scratch: Uint8Array): number | Buffer | [bytes: Buffer, fds: number[]] | undefined | null;
  /**
   * Starts a message. True when all of it is written. False when the rest of it waits for `flush` (`pending` is true then, and
   * `bytes` must stay as they are), or when nothing was taken: there is no room, or a message before it is pending. `fds` are
   * duplicated by the kernel, the caller keeps its own.
   */
  trySend(bytes: Uint8Array, fds?: readonly number[]): boolean;
  /** Goes on with a started message: true when nothing is left. */
  flush(): boolean;
  /** True when a started message is not all written. */
  readonly pending: boolean;
  /** Blocks until readable (1) or writable (2), or timeoutMs (Infinity: for ever) passed. True when ready, end of stream included. */
  waitSync(events: number, timeoutMs: number): boolean;
  /**
   * Would tryRecv answer with a message, an error or the end? A part of a message does not count. What fits into the kernel's
   * buffer is left there; a longer message is read in (`holdsInput`).
   */
  readable(): boolean;
  /** True when a message, or a part of one, has been taken off the descriptor and not been handed out. */
  readonly holdsInput: boolean;
  /** Calls `onReady` from the event loop whenever one of `events` holds, until changed. 0 stops. Keeps the loop alive while not 0. */
  watch(events: number): void;
  /** A duplicate descriptor, close-on-exec; the caller owns it. */
  duplicate(): number;
  readonly fd: number;
  close(): void;
}

/** A child of ours, held by pidfd. */
export interface NativeChild {
  readonly pid: number;
  /** Calls back once from the event loop after the child has been reaped: (exit code, 0) or (0, signal number). */
  watch(callback: (code: number, signal: number) => void): void;
  ref(): void;
  unref(): void;
  /** Reaps when it has ended: [code, signal], else undefined. Never waits. */
  check(): [number, number] | undefined;
  /** Blocks up to timeoutMs (Infinity: for ever), reaps. */
  waitSync(timeoutMs: number): [number, number] | undefined;
  /** Has a look found that it has ended? Also true where somebody else has collected the status, so that it is not known. */
  readonly ended: boolean;
  /** The pidfd, readable when it has ended. */
  readonly fd: number;
  /** pidfd_send_signal; false when it has ended. */
  kill(signal: number): boolean;
  /** Takes the status of one that has ended, if nobody else has. For the end of this process; it is not told here. */
  collect(): void;
  /** SIGKILL for it when this worker_thread ends before it. */
  endWithThread(): void;
  release(): void;
}

/** Some other process, held by pidfd: not reaped, only watched. */
export interface NativePeer {
  isAlive(): boolean;
  waitSync(timeoutMs: number): boolean;
  watch(callback: () => void): void;
  unwatch(): void;
  release(): void;
}

/** Why a fork did not happen, when it was not a failed system call. */
export interface ForkRefusal {
  reason: string;
  /** True when it may succeed on a later turn of the loop: the pool or a thread was busy. */
  transient: boolean;
}

export interface Addon extends Partial<NativeNamed> {
  /** Shared objects; absent where the platform has none. */
  readonly sync?: NativeSync;

  // channels
  NativeChannel: new (fd: number, onReady: () => void) => NativeChannel;
  /** socketpair(2), close-on-exec. */
  socketPair(): [number, number];
  /** pipe2(2), close-on-exec: [read, write]. */
  readonly pipe: () => [number, number];
  readonly closeFd: (fd: number) => void;
  /**
   * Blocks until one of the descriptors has one of its events (readable 1, writable 2) or its other side is gone: true. False
   * when timeoutMs (Infinity: for ever) passed first. Goes on after signals; a descriptor may be named any number of times.
   */
  readonly pollDescriptors: (
    fds: readonly number[],
    events: readonly number[],
    timeoutMs: number,
  ) => boolean;

  // processes
  /** `pid` must be an unreaped child of this process. With `reap` false the status is only looked at (WNOWAIT): Node reaps. */
  NativeChild: new (pid: number, reap: boolean) => NativeChild;
  NativePeer: new (pid: number) => NativePeer;
  /** The descriptor on which this process's children notice its end; made on first use, kept until exit. */
  livenessFd(): number;
  /** In a child: SIGKILL for this process, by the kernel, when the owner of the liveness pipe ends. Takes over `fd`. */
  dieWithParent(fd: number): void;
  /**
   * While it is on in any environment of this process, and SIGINT would end the process, a line on stderr says so first. On again: after
   * a listener has gone. It ends with the environment, and is off in a forked child.
   */
  readonly announceInterrupt: (on: boolean) => void;

  // fork
  /** Why this process cannot fork, or undefined. */
  forkUnsupported(): string | undefined;
  /**
   * The raw fork. 0 in the child. Throws system errors, returns a refusal when it cannot be done now. `clean`: in the child
   * every inherited handle is made inert. `waitMs` bounds how long the libuv pool and other threads are waited for.
   */
  fork(options: ForkCallOptions): number | ForkRefusal;
  /** Runs the callback from the check phase of the event loop, with an empty JavaScript stack. */
  readonly atSafePoint: (callback: () => void) => void;
  /** _exit(2). */
  readonly exitNow: (code: number) => never;
  /** getpid(2): process.pid is wrong in a forked child until it is set. */
  readonly ownPid: () => number;
  /** getrandom(2). */
  fillRandom(bytes: Uint8Array): void;
  /** dup2(2) and open flags for a child's stdio. */
  readonly redirect: (fd: number, target: number) => void;
  readonly openFile: (path: string, mode: 'read' | 'append') => number;
}

export interface ForkCallOptions {
  clean: boolean;
  waitMs: number;
  /** False when Node was started without V8 worker threads. */
  platformWorkers: boolean;
  /** Descriptors of inherited handles that stay usable in a clean child (a terminal behind stdout). */
  keepFds: number[];
}

let loaded: { addon: Addon } | { error: Error } | undefined;

/** Loads the prebuilt or locally built binary, once. */
export function loadAddon(): { addon: Addon } | { error: Error } {
  if (loaded === undefined) {
    try {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- node-gyp-build is a CommonJS loader
      const load = require('node-gyp-build') as (directory: string) => Addon;
      if (process.versions['deno'] !== undefined) throw new Error('Deno does not bear it');
      const { sync, ...rest } = load(packageFiles()?.root ?? folderByName());
      // Copied: what an addon has filled is a hash table to V8, and looking up a function there costs as much as its call.
      loaded = { addon: { ...rest, ...(sync && { sync: { ...sync } }) } };
    } catch (cause) {
      loaded = { error: cause as Error };
    }
  }
  return loaded;
}
