import { inspect } from 'node:util';
import {
  MAX_PERMITS,
  type NamedSemaphoreHandle,
  type NamedSemaphores,
} from '../backend/sync-contract.js';
import { backend } from '../backend/index.js';
import type { Names } from '../base/option-names.js';
import {
  checkBoolean,
  checkInteger,
  checkOptions,
  checkString,
  outOfRange,
} from '../base/options.js';
import { NotSupportedError } from '../errors.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { ArrivedSemaphore, Semaphore } from './semaphore.js';
import { sendShared, type Shared } from './travel.js';

/** NAME_MAX without the `sem.` that the C library puts before it. */
const LONGEST_NAME = 251;
const MOST_MODE = 0o777;

export interface NamedSemaphoreOptions {
  /** Fail with EEXIST where there is one of that name; by default that one is opened, and `value` and `mode` count for nothing. */
  exclusive?: boolean | undefined;
  /** Who may open it, as of a file; 0o600 by default. The umask takes its bits away. Both reading and writing are needed. */
  mode?: number | undefined;
}

const NAMED_SEMAPHORE_OPTIONS: Names<NamedSemaphoreOptions> = { exclusive: true, mode: true };

/**
 * sem_open(3): a counter of permits that any program of the machine shares by its name, C and Python included. It lives until
 * it is unlinked, also when nobody has it open; permits of a process that dies are lost, as POSIX has it. Who is served first is
 * up to the C library. It travels to other processes as its name. Linux, native backend.
 */
export class NamedSemaphore extends Semaphore implements Disposable {
  /** With its leading slash. */
  readonly name: string;
  readonly #handle: NamedSemaphoreHandle;

  private constructor(name: string, opened: ArrivedSemaphore<NamedSemaphoreHandle>) {
    // JavaScript does not know that it is private.
    if (!((opened as unknown) instanceof ArrivedSemaphore)) throw notNew();
    super(opened as never);
    this.name = name;
    this.#handle = opened.handle;
    refuseClone(this, 'NamedSemaphore');
  }

  /**
   * Makes a semaphore, or opens the one that there is.
   * @param name 1 to 251 bytes without a further slash; a leading one is added when it is missing.
   * @param value How many permits a new one has.
   * @throws TypeError, RangeError for bad arguments; SystemError: EEXIST, EACCES, ENOSPC, …; NotSupportedError where there are none.
   */
  static create(name: string, value = 1, options: NamedSemaphoreOptions = {}): NamedSemaphore {
    const full = checkName(name);
    checkInteger('value', value, 0, MAX_PERMITS);
    checkOptions('options', options, NAMED_SEMAPHORE_OPTIONS);
    const { exclusive = false, mode = 0o600 } = options;
    checkBoolean('options.exclusive', exclusive);
    checkInteger('options.mode', mode, 0, MOST_MODE);
    return new NamedSemaphore(
      full,
      new ArrivedSemaphore(named().create(full, value, exclusive, mode)),
    );
  }

  /** Opens one that there is. @throws SystemError: ENOENT, EACCES; what `create` throws for its name. */
  static open(name: string): NamedSemaphore {
    const full = checkName(name);
    return new NamedSemaphore(full, new ArrivedSemaphore(named().open(full)));
  }

  /** Takes the name away. Whoever has it open goes on using it. @throws as `open`. */
  static unlink(name: string): void {
    named().unlink(checkName(name));
  }

  /** Closes it here. Pending waits reject with ClosedError, as every later call. A second time does nothing. */
  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  override get [Symbol.toStringTag](): string {
    return 'NamedSemaphore';
  }

  /** Does not look at the value: it may be closed. */
  override [inspect.custom](): string {
    return `NamedSemaphore { name: ${inspect(this.name)} }`;
  }

  static {
    const itself = NamedSemaphore as unknown as new () => NamedSemaphore; // the constructor is private
    registerHandleReducer<NamedSemaphore, Shared>('NamedSemaphore', itself, {
      reduce: (semaphore, transfer) => sendShared(semaphore.#handle, transfer),
      rebuild: ({ reference }) => NamedSemaphore.open(reference as string),
    });
  }
}

function notNew(): TypeError {
  const error = new TypeError(
    'new makes no NamedSemaphore: use NamedSemaphore.create(name), or NamedSemaphore.open(name) for one that there is',
  );
  return Object.assign(error, { code: 'ERR_MP_INVALID_ARGUMENT' });
}

function checkName(name: string): string {
  checkString('name', name);
  const full = name.startsWith('/') ? name : `/${name}`;
  const length = Buffer.byteLength(full) - 1;
  if (length < 1 || length > LONGEST_NAME || full.includes('/', 1) || full.includes('\0')) {
    const expected = `1 to ${String(LONGEST_NAME)} bytes without NUL and without a slash behind the first place`;
    throw outOfRange('name', expected, name);
  }
  return full;
}

function named(): NamedSemaphores {
  const { name, named: ours } = backend();
  if (ours !== undefined) return ours();
  throw new NotSupportedError(
    `the ${name} backend has no named semaphores: they need the native one, on Linux`,
  );
}
