/**
 * Every error class of the package, its code, and the map from code to class that lets an error keep its class when it
 * crosses a process boundary. Wrong arguments are plain TypeError or RangeError carrying a code (see base/options.ts).
 */

const KIND = Symbol.for('node-multiprocessing.error');

export interface ProcessErrorOptions extends ErrorOptions {
  code?: string;
}

/** Root of the package's own errors, Python's `multiprocessing.ProcessError`. `code` is `ERR_MP_…` and stable. */
export class ProcessError extends Error {
  readonly code: string;

  constructor(message: string, options: ProcessErrorOptions = {}) {
    const { code, ...rest } = options;
    super(message, rest);
    this.name = new.target.name;
    this.code = code ?? 'ERR_MP_PROCESS';
    Object.defineProperty(this, KIND, { value: true });
  }

  /** True for our errors even when they come from another copy of the package or another realm. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== ProcessError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return (
      typeof value === 'object' && value !== null && (value as { [KIND]?: boolean })[KIND] === true
    );
  }
}

/** Python's `multiprocessing.TimeoutError`: the time given to a call that cannot answer with a plain `false` has passed. */
export class TimeoutError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_TIMEOUT', ...options });
  }
}

/** Python's EOFError: the other end of the connection is closed, or its process has ended, and nothing is left to read. */
export class EndOfFileError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_END_OF_FILE', ...options });
  }
}

/** Python's BrokenPipeError: nobody is left who could receive what is being sent. */
export class BrokenPipeError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_BROKEN_PIPE', ...options });
  }
}

/** Python's BufferTooShort: the message did not fit; the whole of it is in `bytes` and the connection goes on. */
export class BufferTooShortError extends ProcessError {
  readonly bytes: Buffer;

  constructor(message: string, bytes: Buffer, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_BUFFER_TOO_SHORT', ...options });
    this.bytes = bytes;
  }
}

/** The object was used after its `close()`. Python raises ValueError or OSError. */
export class ClosedError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_CLOSED', ...options });
  }
}

/** Python's queue.Full: there was no room in the queue in the time given. */
export class QueueFullError extends ProcessError {
  /** Of `putMany`: how many of the items went in. */
  declare readonly put: number | undefined;

  constructor(message: string, options: ProcessErrorOptions & { put?: number } = {}) {
    const { put, ...rest } = options;
    super(message, { code: 'ERR_MP_QUEUE_FULL', ...rest });
    if (put !== undefined) this.put = put;
  }
}

/** Python's queue.Empty: nothing was in the queue in the time given. */
export class QueueEmptyError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_QUEUE_EMPTY', ...options });
  }
}

/** This process has closed its side of the queue; or, for who gets, every process has, and nothing is left. Python: ValueError. */
export class QueueClosedError extends ClosedError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_QUEUE_CLOSED', ...options });
  }
}

/** The call came at the wrong moment of the object's life, or from the wrong process. Python: AssertionError or ValueError. */
export class StateError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_STATE', ...options });
  }
}

/** A reentrant lock was released by somebody who does not have it. Python: AssertionError. */
export class NotOwnerError extends StateError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_NOT_OWNER', ...options });
  }
}

/** `start()` ran while a spawned child was still importing the parent's main module. Python: RuntimeError in the child. */
export class BootstrapError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_BOOTSTRAP', ...options });
  }
}

/**
 * The process that held the lock has died, and what the lock protects may be half done. The lock stays abandoned until somebody
 * takes it with `takeAbandoned`. Python's locks stay held for ever instead.
 */
export class LockAbandonedError extends ProcessError {
  /** The process that died with the lock, or a worker_thread of which; undefined when it is not known. */
  readonly pid: number | undefined;

  constructor(
    message: string,
    holder: { pid?: number | undefined } = {},
    options: ProcessErrorOptions = {},
  ) {
    super(message, { code: 'ERR_MP_LOCK_ABANDONED', ...options });
    this.pid = holder.pid;
  }

  /** The same number as `pid`: who had the lock. */
  get owner(): number | undefined {
    return this.pid;
  }
}

/** Python's BrokenBarrierError: the barrier was aborted or reset, a wait timed out, or a process that had it has died. */
export class BrokenBarrierError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_BROKEN_BARRIER', ...options });
  }
}

/** A worker process ended while it held a task; exactly that task fails with this error. */
export class WorkerDiedError extends ProcessError {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly signalCode: string | null;
  /** The task had begun. False when worker after worker died with it next in line, before any could begin it, or when there was no task. */
  readonly ran: boolean;

  constructor(
    message: string,
    worker: { pid: number; exitCode: number | null; signalCode: string | null; ran?: boolean },
    options: ProcessErrorOptions = {},
  ) {
    super(message, { code: 'ERR_MP_WORKER_DIED', ...options });
    this.pid = worker.pid;
    this.exitCode = worker.exitCode;
    this.signalCode = worker.signalCode;
    this.ran = worker.ran ?? false;
  }
}

/** The pool cannot do its work any more: its initializer failed, or its workers die faster than they do work. */
export class BrokenPoolError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_BROKEN_POOL', ...options });
  }
}

/** The work was dropped before it was finished: the pool was terminated, or a signal aborted it; `cause` is its reason then. */
export class CancelledError extends ProcessError {
  /** Of `putMany`: how many of the items went in. */
  declare readonly put: number | undefined;

  constructor(message: string, options: ProcessErrorOptions & { put?: number } = {}) {
    const { put, ...rest } = options;
    super(message, { code: 'ERR_MP_CANCELLED', ...rest });
    if (put !== undefined) this.put = put;
  }
}

/** A value or function cannot travel to another process; `path` says where in the value, as in `args[0].callback`. */
export class SerializationError extends ProcessError {
  readonly path: string;

  constructor(message: string, path: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_SERIALIZATION', ...options });
    this.path = path;
  }
}

/** An error of another process whose class is not known here; `remoteStack` is its stack over there. */
export class RemoteError extends ProcessError {
  readonly remoteStack: string;

  constructor(message: string, remoteStack: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_REMOTE', ...options });
    this.remoteStack = remoteStack;
  }
}

/** This platform or backend cannot do it; the message names what can. */
export class NotSupportedError extends ProcessError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_NOT_SUPPORTED', ...options });
  }
}

/** fork(2) cannot be done safely here and now; the message says why and what to use instead. */
export class ForkUnavailableError extends NotSupportedError {
  constructor(message: string, options: ProcessErrorOptions = {}) {
    super(message, { code: 'ERR_MP_FORK_UNAVAILABLE', ...options });
  }
}

/** A failed system call, shaped like Node's own: `code` is the errno name, with `errno` and `syscall`. */
export class SystemError extends ProcessError {
  readonly errno: number;
  readonly syscall: string;

  constructor(
    message: string,
    details: { code: string; errno: number; syscall: string },
    options: ErrorOptions = {},
  ) {
    super(message, { code: details.code, ...options });
    this.errno = details.errno;
    this.syscall = details.syscall;
  }
}

/** Programs, and other processes, know errors by these names, and a bundler renames classes. */
const NAMES = {
  ProcessError,
  TimeoutError,
  EndOfFileError,
  BrokenPipeError,
  BufferTooShortError,
  ClosedError,
  QueueFullError,
  QueueEmptyError,
  QueueClosedError,
  StateError,
  NotOwnerError,
  BootstrapError,
  LockAbandonedError,
  BrokenBarrierError,
  WorkerDiedError,
  BrokenPoolError,
  CancelledError,
  SerializationError,
  RemoteError,
  NotSupportedError,
  ForkUnavailableError,
  SystemError,
};
for (const [name, Class] of Object.entries(NAMES)) {
  Object.defineProperty(Class, 'name', { value: name, configurable: true });
}
