/**
 * Who inside this process holds a reentrant lock. A process is one holder to all others; inside it a task, a guard or the
 * thread itself is, and each has a number while it holds or waits for something.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import { StateError } from '../errors.js';

/** The thread: whatever calls a blocking form outside of a scope. */
export const THREAD = 1;
const LAST = 2 ** 24 - 1;

let next = THREAD + 1;
let free: number[] = [];
/** What the parent's holders held is the parent's. */
let era = {};

/** Something that can hold. Its number is its own only while it is in use, so that none is taken for another. */
export class Holder {
  #number = 0;
  #uses = 0;
  #era = era;

  /** For one hold, or for one attempt at it. Answers the number. */
  use(): number {
    if (this.#era !== era) this.#forget();
    if (this.#uses === 0) this.#number = takeNumber();
    this.#uses += 1;
    return this.#number;
  }

  /** The number, or 0 when nothing is held or waited for: then it holds nothing. */
  get number(): number {
    if (this.#era !== era) this.#forget();
    return this.#number;
  }

  leave(): void {
    if (this.#era !== era || this.#uses === 0) return;
    this.#uses -= 1;
    if (this.#uses > 0) return;
    free.push(this.#number);
    this.#number = 0;
  }

  #forget(): void {
    this.#era = era;
    this.#uses = 0;
    this.#number = 0;
  }
}

function takeNumber(): number {
  const used = free.pop();
  if (used !== undefined) return used;
  if (next > LAST) throw new StateError('too many tasks of this process hold or await locks');
  next += 1;
  return next - 1;
}

let explicit = new WeakMap<object, Holder>();

/** The holder that an object of the user's stands for. */
export function holderFor(object: object): Holder {
  let holder = explicit.get(object);
  if (holder === undefined) {
    holder = new Holder();
    explicit.set(object, holder);
  }
  return holder;
}

/** The object stands for this holder from now on. */
export function standFor(object: object, holder: Holder): void {
  explicit.set(object, holder);
}

/** The scopes in which code runs, the innermost first: whatever is called from there is in them until they end. */
interface Scope {
  readonly lock: object;
  readonly holder: Holder;
  readonly outer: Scope | undefined;
  /** Until the body has settled. What goes on after that is on its own: two such tasks are not one holder. */
  open: boolean;
}

const scopes = new AsyncLocalStorage<Scope>();
/** Looking it up costs as much as a free lock, and many programs have none. */
let anyScope = false;

/** In whose name the running code uses the lock, when it runs inside of a scope of it. */
export function scopeHolder(lock: object): Holder | undefined {
  if (!anyScope) return undefined;
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.lock === lock && scope.open) return scope.holder;
  }
  return undefined;
}

export async function runInScope<T>(
  lock: object,
  holder: Holder,
  body: () => T | PromiseLike<T>,
): Promise<T> {
  anyScope = true;
  const scope: Scope = { lock, holder, outer: scopes.getStore(), open: true };
  try {
    return await scopes.run(scope, body);
  } finally {
    scope.open = false;
  }
}

resetAfterFork(AfterForkOrder.Handles, (occasion) => {
  if (occasion === 'rehearsal') return;
  era = {};
  next = THREAD + 1;
  free = [];
  explicit = new WeakMap();
});
