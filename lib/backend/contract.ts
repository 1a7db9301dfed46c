/**
 * What a backend gives to the rooms above. Two keep it: `native` (the addon) and `fallback` (node:child_process messages and
 * a broker in the parent). A later, faster transport replaces an implementation here, never this interface.
 */
import type { Deadline } from '../base/deadline.js';
import type { Wait } from '../base/options.js';
import type { PolledDescriptor } from '../base/readiness.js';
import type { Lent } from './loan-contract.js';
import type { QueueBackend } from './queue-contract.js';
import type { NamedSemaphores, SyncBackend } from './sync-contract.js';

export type StartMethod = 'fork' | 'forkserver' | 'spawn';
export type BackendName = 'native' | 'fallback';

/**
 * An operating-system handle or broker channel on its way to another process. Opaque to everybody but the backend that made
 * it. Whoever holds it owns it: it is consumed by being sent, or by `discard()`.
 */
export interface TransferHandle {
  /**
   * False for one that only keeps something alive until the message that names it has arrived: the receiver finds no handle in
   * its place.
   */
  readonly arrives?: boolean;
  /** Of one that arrives: what the message says of it, instead of its place among those that come along. */
  readonly name?: string;
  /** Release what was acquired for the transfer, when the message is not sent after all. Idempotent. */
  discard(): void;
}

/** What stands in front of the bytes of a message that comes in two: one byte, or two at least. */
export type Front = number | Uint8Array;

/**
 * One whole message: bytes, and the handles that travel beside them. With a `head`, `bytes` are those behind that first byte, and with a
 * `front` those behind its bytes, of which there are two at least: only where `takesHead` and `forValue` (message-head.ts) allow it, and
 * then there are no handles. Queues take both, and handles beside a front.
 */
export interface Message {
  readonly bytes: Uint8Array;
  readonly head?: number;
  readonly front?: Uint8Array;
  /** Of one with a front that is sent: what stands behind `bytes`. It arrives as a part of them. */
  readonly more?: readonly Uint8Array[];
  /** How long it is in all, of one with a front that is not copied while it waits for room: its bytes are those of then. */
  readonly lasting?: number;
  /** Of one that has arrived where the next one will be written to, at its beginning: how long it is (`forValueAtOnce`). */
  readonly length?: number;
  /** Of one that is sent: it lies in memory that the channel has lent, and there is nothing in `bytes`. Only the channel sends such. */
  readonly lent?: { readonly length: number };
  /** Of one that has arrived `forLoan`: its bytes lie in memory that others share, until this is called, once. They are none then. */
  readonly release?: () => void;
  readonly handles: readonly TransferHandle[];
}

/**
 * A message that is put or sent, which may have a head or a front (message-head.ts), in an item the latter beside handles as well; or how
 * many of the first bytes of the thread's scratch memory (base/scratch.ts) are one.
 */
export type Outgoing = Message | number;

/** Where a message may be written if it fits there; asked for when one is there. The answer's `bytes` are its beginning then. */
export type Target = () => Uint8Array;

/** Who is handed the messages of a channel as they come. */
export interface MessageListener {
  message(message: Message): void;
  /** The last call: nothing comes any more, as the error says that `recv` would reject with. */
  ended(error: unknown): void;
}

/** Idempotent. What was on its way by then is still handed over, until the promise resolves if there is one. */
export type StopListening = () => Promise<void> | undefined;

/** What the two ends of a channel in shared memory can do besides. */
export interface SharedChannel {
  /**
   * The oldest message that was sent here and that nobody has taken at the other end, where it never arrives then; undefined
   * when there is none. The caller owns its handles.
   */
  takeBack(): Message | undefined;
  /** Wakes whoever waits at the other end for messages that were sent untold. */
  tell(): void;
  /** Leaves a number, a whole one below 2 ** 53, where the other end can look at it, also when this process has died. */
  mark(mark: number): void;
  /** What the other end has marked last; 0 before. */
  marked(): number;
  /**
   * Whether a message has come within the moment that it would take to be woken for it. Blocks this thread, for as long as that pays:
   * for a process that has nothing else to do.
   */
  lookOn(): boolean;
}

/**
 * A two-way or one-way stream of whole messages between processes. Nothing is lost between `send` resolving and the peer's
 * `recv`, also when the sender dies in between. One reader and one writer at a time per end.
 */
export interface Channel {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly closed: boolean;
  /** Absent where no memory is shared. */
  readonly shared?: SharedChannel | undefined;
  /**
   * Sends, or answers false where that has to wait: nothing was sent then. `untold`: where memory is shared, whoever waits at the other
   * end may sleep on, until `shared.tell()`, the next message that is not untold, or the end of this process. @throws BrokenPipeError, as `send`
   */
  trySend(message: Outgoing, untold?: boolean): boolean;
  /** What `recv` would answer at once, as far as that is known here; undefined else. @throws EndOfFileError */
  tryRecv(target?: Target): Message | undefined;
  /**
   * Messages may be sent with a `head` or a `front`, and are copied at once, or as soon as there is room (`lasting`); and by `trySend` and
   * `sendSync` from the scratch memory.
   */
  readonly takesHead?: boolean;
  /**
   * Memory for a message of so many bytes behind a head that begins with `kind` (ITEM_HEAD_BYTES), to be sent from where it lies. Absent,
   * or undefined: there is none to be lent. @throws SystemError when memory has run out; what `send` throws at once.
   */
  lend?(size: number, kind: number): Lent | undefined;
  /**
   * Resolves when the message has been handed to the transport. A message whose first byte has been written is always
   * finished, so `wait` bounds only the time until it begins: TimeoutError, or the signal's reason, means nothing was sent.
   * @throws BrokenPipeError when no reader is left.
   */
  send(message: Message, wait: Wait): Promise<void>;
  /** The blocking twin. @throws NotSupportedError on the fallback. */
  sendSync(message: Outgoing, deadline: Deadline): void;
  /** The next message, in order. @throws EndOfFileError when no writer is left and all was read; TimeoutError. */
  recv(wait: Wait, target?: Target): Promise<Message>;
  recvSync(deadline: Deadline, target?: Target): Message;
  /**
   * Hands over each message, never within this call, without a promise for each, and keeps the event loop alive; until it is stopped,
   * the stream has ended, or the channel is closed, of which nothing is said. Nobody else receives here meanwhile. What a listener
   * throws is uncaught, and the next message is handed over all the same.
   * @throws StateError when somebody listens already; a system error when nothing can be waited for: nobody listens then.
   */
  listen(listener: MessageListener, target?: Target): StopListening;
  /** True when recv would not wait: a message, or the end of the stream, is there. False when the timeout passed first. */
  poll(wait: Wait): Promise<boolean>;
  pollSync(deadline: Deadline): boolean;
  /** What poll would answer at once; undefined where it has to ask for it. */
  look(): boolean | undefined;
  /** What a thread polls that blocks for input here and for other things. @throws NotSupportedError on the fallback. */
  polled(): PolledDescriptor;
  /** It has blocked. */
  unpolled?(): void;
  /** The descriptor, for programs that select on it. @throws NotSupportedError on the fallback. */
  fileno(): number;
  /** A second handle on this end, to travel to another process. This end stays open. */
  toTransfer(): TransferHandle;
  /** Idempotent. Pending waits reject with ClosedError. */
  close(): void;
}

export interface ExitStatus {
  /** Exit code, or minus the signal's number, as in Python. */
  readonly exitCode: number;
  readonly signalCode: NodeJS.Signals | null;
}

/** Where a child's stdout or stderr goes. A string is a file path, appended to. */
export type StdioTarget = 'inherit' | 'ignore' | 'pipe' | number | string;

export interface SpawnRequest {
  /** Absolute path of the program that the child runs (entry/child). */
  readonly entry: string;
  readonly execArgv: readonly string[];
  /** Where it begins; as this process, when undefined. */
  readonly cwd?: string | undefined;
  readonly stdout: StdioTarget;
  readonly stderr: StdioTarget;
}

/** A started child, as its parent sees it. */
export interface Child {
  readonly pid: number;
  /** Set once the child has ended and been reaped. */
  readonly status: ExitStatus | undefined;
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  /** Called once, from the event loop, when the child has ended. Called at once (in a microtask) when it already has. */
  onExit(listener: (status: ExitStatus) => void): void;
  /** Look without waiting: reaps a child that has ended. The fallback learns of an exit only from its event loop. */
  check(): ExitStatus | undefined;
  /** Blocks. @throws NotSupportedError on the fallback. */
  waitSync(deadline: Deadline): ExitStatus | undefined;
  /** Whether it has ended, looked up now, which can be known before its status is. */
  hasEnded(): boolean;
  /** What a thread polls that blocks for its end and for other things. @throws NotSupportedError on the fallback. */
  polled(): PolledDescriptor;
  /** Sends the signal to this very child, never to a recycled pid. False when it has ended. */
  kill(signal: NodeJS.Signals): boolean;
  /** Whether the child, but for its streams, keeps this process's event loop alive. */
  ref(): void;
  unref(): void;
  /** It is killed when the `worker_thread` that has started it ends before it, however that ends. Absent on the fallback. */
  endWithThread?(): void;
  /** Gives up the descriptors. Only after the end. */
  release(): void;
}

/** A spawned child and the parent's end of the line over which it is told what to do. */
export interface SpawnedChild {
  readonly child: Child;
  readonly control: Channel;
}

/** In a spawned child: the other end of that line, and how it watches over its parent. */
export interface ChildEnd {
  readonly control: Channel;
}

/** Another process that is not our child, seen from here: Python's `parent_process()`. */
export interface PeerProcess {
  isAlive(): boolean;
  /** Resolves true when it has ended, false when the timeout passed first. */
  wait(wait: Wait): Promise<boolean>;
  waitSync(deadline: Deadline): boolean;
  release(): void;
}

export interface ForkOptions {
  /** True: nothing of the parent's event loop lives on in the child. False: os.fork, both sides go on with everything. */
  readonly clean: boolean;
  /** Milliseconds for which the libuv pool and busy threads are waited for; this thread is blocked meanwhile. */
  readonly waitMs: number;
  /** Descriptors of inherited handles that a clean child keeps using. */
  readonly keepFds: readonly number[];
}

export type ForkResult =
  | { readonly kind: 'child' }
  | { readonly kind: 'parent'; readonly child: Child }
  | { readonly kind: 'refused'; readonly reason: string; readonly transient: boolean };

/** fork(2) and what a forked child's first steps need. Only where `Backend.forkUnavailable()` answers undefined. */
export interface Forking {
  /** Forks here and now. The child dies with this process. @throws a system error (EAGAIN, ENOMEM). */
  fork(options: ForkOptions): ForkResult;
  /** Calls back from the check phase of the event loop, with an empty JavaScript stack. */
  atSafePoint(callback: () => void): void;
  /** _exit(2). */
  exitNow(code: number): never;
  /** getpid(2). */
  ownPid(): number;
  /** getrandom(2). */
  fillRandom(bytes: ArrayBufferView): void;
  /** Makes `target` the same open file as `fd`. */
  redirect(fd: number, target: number): void;
  /** Opens close-on-exec; 'append' creates. */
  openFile(path: string, mode: 'read' | 'append'): number;
  pipe(): [readFd: number, writeFd: number];
  closeFd(fd: number): void;
}

export interface Backend {
  readonly name: BackendName;
  /** Absent on the fallback. */
  readonly forking?: Forking;
  /** Why fork cannot be used in this process, or undefined when it can. */
  forkUnavailable(): string | undefined;
  /** `[left, right]`: duplex, or left only receives and right only sends. */
  channelPair(duplex: boolean): [Channel, Channel];
  /**
   * The other side of `Channel.toTransfer()`: the handle, or of one that was sent where handles do not arrive its name, which may come
   * from anywhere. @throws SerializationError when there is nothing of that name.
   */
  channelFromTransfer(
    handle: TransferHandle | string,
    mode: { readable: boolean; writable: boolean },
  ): Channel;
  /** Starts a Node child (child_process.spawn). Rejects with the spawn error when the program cannot be started. */
  spawn(request: SpawnRequest): Promise<SpawnedChild>;
  /** Takes the exit status of spawned children that have ended, at the end of this process, where nothing else takes it. */
  readonly collectEnded?: () => void;
  /**
   * Blocks this thread until something has happened at one of the descriptors, or the time is over. However many they are, and
   * whatever signals come. Absent on the fallback.
   */
  readonly blockOn?: (polled: readonly PolledDescriptor[], deadline: Deadline) => void;
  /**
   * While it is on in any thread, a SIGINT that ends this process does so with one line on stderr, also when the process is busy. On again:
   * after a listener of SIGINT has gone. Absent on the fallback: what it could do, a listener, would not let a busy program end.
   */
  readonly announceInterrupt?: (on: boolean) => void;
  /** Called once in a spawned child, by its entry program: connects to the parent and dies with it. */
  attachChild(): ChildEnd;
  /** Locks and their kin; made when they are first asked for. */
  readonly sync?: () => SyncBackend;
  /** Queues; made when they are first asked for. */
  readonly queues?: () => QueueBackend;
  /** Absent where the platform has none. They need no shared memory of ours. */
  readonly named?: () => NamedSemaphores;
  /** The parent of this process; `pid` guards against a parent that ended before we looked. */
  peer(pid: number): PeerProcess;
}
