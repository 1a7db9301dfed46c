/**
 * What this process knows about itself: its place in the family, what its children inherit, and which of them are running.
 * The ground of the room: everything else here reads it, a child's first code writes it.
 */
import { randomBytes } from 'node:crypto';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import type { StartMethod } from '../backend/contract.js';
import type { RunningChild } from './running-child.js';

export interface ParentIdentity {
  readonly pid: number;
  readonly name: string;
}

/** What a process is; settled at construction, as in Python, so that it does not change with its creator. */
export interface Birth {
  name: string;
  /** The way down from the main process: [1, 2] is the second child of the first child. Empty in a main process. */
  readonly identity: readonly number[];
  readonly parent: ParentIdentity | undefined;
  daemon: boolean;
  authKey: Uint8Array;
}

/**
 * What every copy of the package in this process has to know alike: a second one, in a bundle or under another package, would take a child
 * for a main process, and the guard of a main module would let its program start again in every child.
 */
interface Shared {
  birth: Birth;
}
const SHARED = Symbol.for('node-multiprocessing.process.1');
const globals = globalThis as { [SHARED]?: Shared };
const shared: Shared = (globals[SHARED] ??= {
  birth: {
    name: 'MainProcess',
    identity: [],
    parent: undefined,
    daemon: false,
    authKey: randomBytes(32),
  },
});

interface OwnState {
  /** Shared with the object that `currentProcess()` answers, so that a change of its name or key is seen here. */
  birth: Birth;
  /** The object that `currentProcess()` answers; made on first use where nobody has set it. */
  self: object | undefined;
  /** How many process objects were made here: the last part of the next one's identity. */
  made: number;
  /** Owners of running children, in order of their start. */
  readonly children: Map<object, RunningChild>;
  /** What `setStartMethod` chose, or what was used first. */
  startMethod: StartMethod | undefined;
}

export const own: OwnState = {
  get birth() {
    return shared.birth;
  },
  set birth(birth) {
    shared.birth = birth;
  },
  self: undefined,
  made: 0,
  children: new Map(),
  startMethod: undefined,
};

resetAfterFork(AfterForkOrder.Processes, (kind) => {
  if (kind !== 'rehearsal') own.children.clear();
});

/** The first thing in a child. */
export function become(birth: Birth, self?: object, state = own): void {
  state.birth = birth;
  state.self = self;
  state.made = 0;
  state.children.clear();
}

export function nextIdentity(): readonly number[] {
  own.made += 1;
  return [...own.birth.identity, own.made];
}
