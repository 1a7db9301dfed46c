import { inspect } from 'node:util';
import { Deadline } from '../base/deadline.js';
import { giveToChild } from '../base/given.js';
import { OTHERS_TOO } from '../base/option-names.js';
import type { SyncWait, Wait } from '../base/options.js';
import {
  checkBoolean,
  checkString,
  invalidType,
  readSyncTimeout,
  readWait,
} from '../base/options.js';
import type { StartMethod } from '../backend/contract.js';
import { StateError } from '../errors.js';
import { exitForked } from './after-fork/identity.js';
import { runChild } from './bootstrap.js';
import { watchExit } from './exit.js';
import { checkOwnProgram } from './import-guard.js';
import { forkChild } from './launch/fork.js';
import type { Launch } from './launch/launcher.js';
import { launchSpawn } from './launch/spawn.js';
import { Lifecycle } from './lifecycle.js';
import { own } from './own-state.js';
import { describeProcess } from './process-description.js';
import type { ProcessOptions, Work } from './process-options.js';
import { Making, makeFromOptions } from './process-options.js';
import { RunningChild } from './running-child.js';
import { Sentinel } from './sentinel.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { checkUsable, settleStartMethod } from './start-method.js';

/**
 * An activity in a process of its own. Give it a target, or subclass it and override `run()`. The child ends when `run()`
 * has returned and its promise, if any, has settled.
 */
export class Process<A extends readonly unknown[] = readonly unknown[]> {
  /** The method that this class is bound to; the process's own one where undefined. @internal */
  static readonly startMethod: StartMethod | undefined = undefined;

  readonly #birth;
  readonly #stdio;
  #work: Work | undefined;
  readonly #life: Lifecycle;
  #starting: Promise<void> | undefined;
  #sentinel: Sentinel | undefined;

  /** A target that cannot do without arguments has them beside it. */
  constructor(
    options?: ProcessOptions<A> &
      ([] extends A ? unknown : { args: readonly [...A] } | { target?: undefined }),
  ) {
    const making =
      options instanceof Making
        ? options
        : makeFromOptions(options, new.target.name, isOurs(new.target) ? undefined : OTHERS_TOO);
    this.#birth = making.birth;
    this.#life = new Lifecycle(this, making.birth);
    this.#work = making.work;
    this.#stdio = making.stdio;
    refuseClone(this, 'Process');
  }

  /** What the child does. Called directly it runs here. */
  run(): unknown {
    return this.#work?.target?.(...this.#work.args);
  }

  /**
   * Starts the child; once. Resolves when it exists, or rejects and nothing was started. A spawned child gets the target and
   * the arguments as they are at the call; a forked one everything as it is when the fork happens, within a turn or two of the
   * event loop.
   */
  async start(): Promise<void> {
    this.#life.checkStartable();
    this.#life.phase = 'starting';
    this.#starting = this.#launch();
    try {
      await this.#starting;
      this.#life.phase = 'started';
    } catch (error) {
      this.#life.phase = 'initial';
      throw error;
    } finally {
      this.#starting = undefined;
    }
  }

  /**
   * Waits for the end. The exit code, or null when the timeout passed first. After a `start()` that was not awaited it
   * waits for that as well.
   */
  async join(wait: Wait = {}): Promise<number | null> {
    const limits = readWait('wait', wait);
    this.#life.checkControllable('join');
    if (this.#starting !== undefined) await this.#starting;
    const status = await this.#life.startedChild('join').wait(limits);
    return status?.exitCode ?? null;
  }

  /** Blocks this thread. */
  joinSync(wait: SyncWait = {}): number | null {
    const timeout = readSyncTimeout('wait', wait);
    const status = this.#life.startedChild('join').waitSync(Deadline.after(timeout));
    return status?.exitCode ?? null;
  }

  /**
   * SIGTERM. Neither exit handlers nor `finally` blocks run there, unless it listens for the signal.
   * @throws SystemError (EPERM) for one from before this process gave up root. So do `kill` and `interrupt`.
   */
  terminate(): void {
    this.#life.startedChild('terminate').kill('SIGTERM');
  }

  /** SIGKILL. */
  kill(): void {
    this.#life.startedChild('kill').kill('SIGKILL');
  }

  /** SIGINT. */
  interrupt(): void {
    this.#life.startedChild('interrupt').kill('SIGINT');
  }

  isAlive(): boolean {
    this.#life.checkOpen();
    if (this.#life.isSelf) return true;
    this.#life.checkMine('ask about');
    return this.#life.child !== undefined && this.#life.isRunning;
  }

  /** Gives up what the object holds, after the end of the child. Idempotent; almost everything else throws from then on. */
  close(): void {
    const life = this.#life;
    if (life.isSelf || life.phase === 'closed') return;
    if (life.isRunning) {
      throw new StateError(
        `${life.label} is still running: join() or terminate() it before close()`,
      );
    }
    life.phase = 'closed';
    own.children.delete(this);
    life.child?.closeUnread();
    life.child = undefined;
    this.#work = undefined;
  }

  /** Terminates the child when it is still running, waits for its end, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#life.phase !== 'closed') this.#life.checkControllable('dispose of');
    if (this.#starting !== undefined) await this.#starting.catch(() => undefined);
    if (this.#life.child !== undefined) {
      this.terminate();
      await this.join();
    }
    this.close();
  }

  get name(): string {
    return this.#birth.name;
  }

  set name(name: string) {
    checkString('name', name);
    this.#birth.name = name;
  }

  get daemon(): boolean {
    return this.#birth.daemon;
  }

  set daemon(daemon: boolean) {
    checkBoolean('daemon', daemon);
    if (this.#life.phase !== 'initial' || this.#life.isSelf) {
      throw new StateError(
        `${this.#life.label} has already started: daemon must be set before start()`,
      );
    }
    this.#birth.daemon = daemon;
  }

  /** A copy of the key with which this process and its children recognise each other. */
  get authKey(): Uint8Array {
    return Uint8Array.from(this.#birth.authKey);
  }

  set authKey(key: Uint8Array) {
    if (!(key instanceof Uint8Array)) throw invalidType('authKey', 'a Uint8Array', key);
    this.#birth.authKey = Uint8Array.from(key);
  }

  get pid(): number | undefined {
    this.#life.checkOpen();
    return this.#life.isSelf ? process.pid : this.#life.child?.pid;
  }

  /** Null while there is none; minus N when signal N ended the child. */
  get exitCode(): number | null {
    return this.#life.status?.exitCode ?? null;
  }

  get signalCode(): NodeJS.Signals | null {
    return this.#life.status?.signalCode ?? null;
  }

  /** Becomes ready when the process ends; `wait()` accepts it. */
  get sentinel(): Sentinel {
    this.#life.checkOpen();
    if (this.#life.child === undefined)
      throw new StateError(`${this.#life.label} has no sentinel before start()`);
    this.#sentinel ??= new Sentinel(this.#life.child, () => {
      this.#life.checkMine('wait for');
    });
    return this.#sentinel;
  }

  /** What the child prints, with the option `stdout: 'pipe'`. */
  get stdout(): NodeJS.ReadableStream | null {
    this.#life.checkOpen();
    return this.#life.child?.stdout ?? null;
  }

  get stderr(): NodeJS.ReadableStream | null {
    this.#life.checkOpen();
    return this.#life.child?.stderr ?? null;
  }

  [inspect.custom](): string {
    const child = this.#life.isMine ? this.#life.child : undefined;
    return describeProcess({
      className: this.constructor.name,
      birth: this.#birth,
      state: this.#life.state,
      pid: this.#life.isSelf ? process.pid : this.#life.child?.pid,
      exit: this.#life.phase === 'closed' ? undefined : child?.check(),
    });
  }

  async #launch(): Promise<void> {
    const method = (this.constructor as typeof Process).startMethod ?? settleStartMethod();
    checkUsable(method);
    checkOwnProgram(this.#life.label, method);
    const keepOnlyGiven = giveToChild([this.#work?.args, this]);
    const child =
      method === 'fork'
        ? await forkChild({
            ...this.#stdio,
            inChild: (rehearsal) => {
              keepOnlyGiven(rehearsal);
              if (rehearsal) {
                this.#rehearseRun();
                return;
              }
              this.#life.phase = 'started';
              this.#starting = undefined; // Never settles here.
              own.startMethod = method;
              runChild({ birth: this.#birth, self: this, work: this, exit: exitForked });
            },
          })
        : await launchSpawn(this.#describeLaunch(method));
    const running = new RunningChild(child, this.#birth.daemon);
    running.onEnd(() => own.children.delete(this));
    own.children.set(this, running);
    this.#life.child = running;
    this.#work = undefined;
    watchExit();
  }

  /** So that no child compiles it. Without work it does nothing; a subclass's is the user's and is not called. */
  #rehearseRun(): void {
    const work = this.#work;
    this.#work = undefined;
    Process.prototype.run.call(this);
    this.#work = work;
  }

  #describeLaunch(startMethod: StartMethod): Launch {
    const Class = this.constructor as new () => object;
    return {
      process: this,
      subclass: isOurs(Class) ? undefined : Class,
      birth: this.#birth,
      work: this.#work ?? { target: undefined, args: [] },
      stdio: this.#stdio,
      startMethod,
    };
  }
}

/** Only our own classes name a method. */
function isOurs(Class: object): boolean {
  return Object.hasOwn(Class, 'startMethod');
}

registerHandleReducer<Process, never>('Process', Process, {
  reduce: () => {
    throw new Error(
      'a process object belongs to the process that made it; send its pid or its name',
    );
  },
  rebuild: () => {
    throw new Error('a process object does not travel');
  },
});
