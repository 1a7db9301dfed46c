import { inspect } from 'node:util';
import { Deadline } from '../base/deadline.js';
import type { Wait } from '../base/options.js';
import {
  checkBoolean,
  checkOptions,
  checkString,
  checkTimeout,
  checkWait,
  invalidType,
} from '../base/options.js';
import type { ExitStatus, StartMethod } from '../backend/contract.js';
import { ClosedError, StateError } from '../errors.js';
import { runChild } from './bootstrap.js';
import { watchExit } from './exit.js';
import { checkNotImporting } from './import-guard.js';
import { forkChild } from './launch/fork.js';
import type { Launch } from './launch/launcher.js';
import { launchSpawn } from './launch/spawn.js';
import { own } from './own-state.js';
import { describeProcess } from './process-description.js';
import type { ProcessOptions, Work } from './process-options.js';
import { Making, makeFromOptions } from './process-options.js';
import { RunningChild } from './running-child.js';
import { Sentinel } from './sentinel.js';
import { refuseClone, registerHandleReducer } from '../serialization/reducers.js';
import { checkUsable, settleStartMethod } from './start-method.js';

type Phase = 'initial' | 'starting' | 'started' | 'closed';

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
  #phase: Phase = 'initial';
  #starting: Promise<void> | undefined;
  #child: RunningChild | undefined;
  #sentinel: Sentinel | undefined;

  constructor(options?: ProcessOptions<A>) {
    const making = options instanceof Making ? options : makeFromOptions(options, new.target.name);
    this.#birth = making.birth;
    this.#work = making.work;
    this.#stdio = making.stdio;
    refuseClone(this, 'Process');
  }

  /** What the child does. Called directly it runs here. */
  run(): unknown {
    return this.#work?.target?.(...this.#work.args);
  }

  /**
   * Starts the child; once. Resolves when it exists. Arguments and target are handed over at the call, or it rejects and
   * nothing was started.
   */
  async start(): Promise<void> {
    this.#checkStartable();
    this.#phase = 'starting';
    this.#starting = this.#launch();
    try {
      await this.#starting;
      this.#phase = 'started';
    } catch (error) {
      this.#phase = 'initial';
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
    checkWait('wait', wait);
    if (this.#starting !== undefined) await this.#starting;
    const status = await this.#startedChild('join').wait(wait);
    return status?.exitCode ?? null;
  }

  /** Blocks this thread. */
  joinSync(wait: { timeout?: number | undefined } = {}): number | null {
    checkOptions('wait', wait);
    checkTimeout('wait.timeout', wait.timeout);
    const status = this.#startedChild('join').waitSync(Deadline.after(wait.timeout));
    return status?.exitCode ?? null;
  }

  /** SIGTERM. Neither exit handlers nor `finally` blocks run there, unless it listens for the signal. */
  terminate(): void {
    this.#startedChild('terminate').kill('SIGTERM');
  }

  /** SIGKILL. */
  kill(): void {
    this.#startedChild('kill').kill('SIGKILL');
  }

  /** SIGINT. */
  interrupt(): void {
    this.#startedChild('interrupt').kill('SIGINT');
  }

  isAlive(): boolean {
    this.#checkOpen();
    if (this.#isSelf) return true;
    this.#checkOwner('ask about');
    return this.#child !== undefined && this.#child.check() === undefined;
  }

  /** Gives up what the object holds, after the end of the child. Idempotent; almost everything else throws from then on. */
  close(): void {
    if (this.#isSelf) return;
    if (
      this.#phase === 'starting' ||
      (this.#child !== undefined && this.#child.check() === undefined)
    ) {
      throw new StateError(
        `${this.#label} is still running: join() or terminate() it before close()`,
      );
    }
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    own.children.delete(this);
    this.#child?.release();
    this.#child = undefined;
    this.#work = undefined;
  }

  /** Terminates the child when it is still running, waits for its end, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#starting !== undefined) await this.#starting.catch(() => undefined);
    if (this.#child !== undefined) {
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
    if (this.#phase !== 'initial' || this.#isSelf) {
      throw new StateError(`${this.#label} has already started: daemon must be set before start()`);
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
    this.#checkOpen();
    return this.#isSelf ? process.pid : this.#child?.pid;
  }

  /** Null while there is none; minus N when signal N ended the child. */
  get exitCode(): number | null {
    return this.#status?.exitCode ?? null;
  }

  get signalCode(): NodeJS.Signals | null {
    return this.#status?.signalCode ?? null;
  }

  /** Becomes ready when the process ends; `wait()` accepts it. */
  get sentinel(): Sentinel {
    this.#checkOpen();
    if (this.#child === undefined)
      throw new StateError(`${this.#label} has no sentinel before start()`);
    this.#sentinel ??= new Sentinel(this.#child);
    return this.#sentinel;
  }

  /** What the child prints, with the option `stdout: 'pipe'`. */
  get stdout(): NodeJS.ReadableStream | null {
    this.#checkOpen();
    return this.#child?.stdout ?? null;
  }

  get stderr(): NodeJS.ReadableStream | null {
    this.#checkOpen();
    return this.#child?.stderr ?? null;
  }

  [inspect.custom](): string {
    const child = this.#isMine ? this.#child : undefined;
    return describeProcess({
      className: this.constructor.name,
      birth: this.#birth,
      state: this.#state,
      pid: this.#isSelf ? process.pid : this.#child?.pid,
      exit: this.#phase === 'closed' ? undefined : child?.check(),
    });
  }

  async #launch(): Promise<void> {
    const method = (this.constructor as typeof Process).startMethod ?? settleStartMethod();
    checkUsable(method);
    const child =
      method === 'fork'
        ? await forkChild({ ...this.#stdio, inChild: () => this.#runHere(method) })
        : await launchSpawn(this.#describeLaunch(method));
    this.#child = new RunningChild(child, this.#birth.daemon);
    this.#child.onEnd(() => own.children.delete(this));
    own.children.set(this, this.#child);
    this.#work = undefined;
    watchExit();
  }

  #describeLaunch(startMethod: StartMethod): Launch {
    const Class = this.constructor as new () => object;
    return {
      process: this,
      subclass: Object.hasOwn(Class, 'startMethod') ? undefined : Class, // Only our own classes name a method.
      birth: this.#birth,
      work: this.#work ?? { target: undefined, args: [] },
      stdio: this.#stdio,
      startMethod,
    };
  }

  /** In a forked child. */
  #runHere(method: StartMethod): void {
    this.#phase = 'started';
    own.startMethod = method;
    runChild({ birth: this.#birth, self: this, work: () => this.run() });
  }

  #checkStartable(): void {
    this.#checkOpen();
    if (this.#phase !== 'initial' || this.#isSelf)
      throw new StateError(`${this.#label} cannot be started twice`);
    this.#checkOwner('start');
    if (own.birth.daemon) {
      throw new StateError(
        `${own.birth.name} is daemonic, and daemonic processes may not have children`,
      );
    }
    checkNotImporting(this.#label);
  }

  #checkOpen(): void {
    if (this.#phase === 'closed') throw new ClosedError(`${this.#label} is closed`);
  }

  #checkOwner(verb: string): void {
    if (this.#isMine) return;
    const creator = this.#birth.parent?.pid;
    throw new StateError(
      `process ${String(process.pid)} cannot ${verb} ${this.#label}: only its creator ${String(creator)} can`,
    );
  }

  #startedChild(verb: string): RunningChild {
    this.#checkOpen();
    if (this.#isSelf) throw new StateError(`a process cannot ${verb} itself`);
    this.#checkOwner(verb);
    if (this.#child === undefined) {
      const why =
        this.#phase === 'starting' ? 'start() has not resolved yet' : 'it was never started';
      throw new StateError(`cannot ${verb} ${this.#label}: ${why}`);
    }
    return this.#child;
  }

  get #status(): ExitStatus | undefined {
    this.#checkOpen();
    return this.#isMine ? this.#child?.check() : undefined;
  }

  get #isSelf(): boolean {
    return own.self === this;
  }

  get #isMine(): boolean {
    return this.#birth.parent?.pid === process.pid;
  }

  get #label(): string {
    return `process ${this.#birth.name}`;
  }

  get #state(): string {
    if (this.#isSelf) return 'started';
    if (this.#phase === 'closed') return 'closed';
    if (!this.#isMine) return 'unknown';
    if (this.#child === undefined) return 'initial';
    return this.#child.check() === undefined ? 'started' : 'stopped';
  }
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
