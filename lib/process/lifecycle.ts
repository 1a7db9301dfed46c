import type { ExitStatus } from '../backend/contract.js';
import { ClosedError, StateError } from '../errors.js';
import { checkNotImporting } from './import-guard.js';
import { type Birth, own } from './own-state.js';
import type { RunningChild } from './running-child.js';

/**
 * Where a process object stands: in its own life, and towards the process that is looking at it, which may be its creator,
 * its child, itself or a stranger. Every call of Process asks here first.
 */
export class Lifecycle {
  phase: 'initial' | 'starting' | 'started' | 'closed' = 'initial';
  child: RunningChild | undefined;
  readonly #process: object;
  readonly #birth: Birth;

  constructor(process: object, birth: Birth) {
    this.#process = process;
    this.#birth = birth;
  }

  /** The object stands for the very process that is looking at it. */
  get isSelf(): boolean {
    return own.self === this.#process;
  }

  /** The process that is looking at it has made it. */
  get isMine(): boolean {
    return this.#birth.parent?.pid === process.pid;
  }

  /** For messages. */
  get label(): string {
    return `process ${this.#birth.name}`;
  }

  /** In Python's words. */
  get state(): string {
    if (this.isSelf) return 'started';
    if (this.phase === 'closed') return 'closed';
    if (!this.isMine) return 'unknown';
    if (this.child === undefined) return 'initial';
    return this.child.check() === undefined ? 'started' : 'stopped';
  }

  get isRunning(): boolean {
    return this.phase === 'starting' || (this.child !== undefined && !this.child.check());
  }

  /** How it ended, as far as the one who looks can know. */
  get status(): ExitStatus | undefined {
    this.checkOpen();
    return this.isMine ? this.child?.check() : undefined;
  }

  checkOpen(): void {
    if (this.phase === 'closed') throw new ClosedError(`${this.label} is closed`);
  }

  checkStartable(): void {
    this.checkOpen();
    if (this.phase !== 'initial' || this.isSelf) {
      throw new StateError(`${this.label} cannot be started twice`);
    }
    this.checkMine('start');
    if (own.birth.daemon) {
      const self = own.birth.name;
      throw new StateError(`${self} is daemonic, and daemonic processes may not have children`);
    }
    checkNotImporting(this.label);
  }

  /** For what only the creator can do. */
  checkMine(verb: string): void {
    if (this.isMine) return;
    const creator = String(this.#birth.parent?.pid);
    throw new StateError(
      `process ${String(process.pid)} cannot ${verb} ${this.label}: only its creator ${creator} can`,
    );
  }

  /** For what the creator does to its child, and nobody to himself. */
  checkControllable(verb: string): void {
    this.checkOpen();
    if (this.isSelf) throw new StateError(`a process cannot ${verb} itself`);
    this.checkMine(verb);
  }

  startedChild(verb: string): RunningChild {
    this.checkControllable(verb);
    if (this.child !== undefined) return this.child;
    const starting = this.phase === 'starting';
    const why = starting ? 'start() has not resolved yet' : 'it was never started';
    throw new StateError(`cannot ${verb} ${this.label}: ${why}`);
  }
}
