/**
 * The functions that pools have been given, numbered. A forked worker finds a function by its number in the memory that it
 * inherited; its horizon is the last number given before its birth. Elsewhere a number stands for a reference, sent once.
 */
import { nameOf } from '../base/options.js';
import { whileImporting } from '../process/import-guard.js';
import {
  isInMainModule,
  resolveCallable,
  type CallableReference,
} from '../serialization/bound-function.js';
import { ALL_FUNCTIONS } from './frames.js';

export type AnyFunction = (...args: never[]) => unknown;

export interface PoolFunction {
  readonly id: number;
  readonly name: string;
  readonly fn: AnyFunction;
  /** How long a task with it takes, smoothed; undefined before the first. Decides how many workers are given ahead. */
  meanRunMs: number | undefined;
  /** Whether it has ever answered a promise, as far as is known; undefined before the first answer. Others cannot be aborted on their way. */
  answersLater: boolean | undefined;
}

export function noteAnswer(fn: PoolFunction, later: boolean): void {
  fn.answersLater = later || fn.answersLater === true;
}

const WEIGHT_OF_NEWEST = 0.2;

export function noteRunTime(fn: PoolFunction, ms: number): void {
  fn.meanRunMs =
    fn.meanRunMs === undefined ? ms : fn.meanRunMs + WEIGHT_OF_NEWEST * (ms - fn.meanRunMs);
}

/** One numbering for all pools of the process, because a fork inherits all of them. */
const known = new WeakMap<AnyFunction, PoolFunction>();
const byId = new Map<number, WeakRef<AnyFunction>>();
const collected = new FinalizationRegistry<number>((id) => byId.delete(id));
let lastId = 0;

/** The numbering does not keep the function alive: whoever may still ask for it holds it. */
export function numberFunction(fn: AnyFunction): PoolFunction {
  let numbered = known.get(fn);
  if (numbered === undefined) {
    const name = nameOf(fn) || '(anonymous)';
    numbered = { id: ++lastId, name, fn, meanRunMs: undefined, answersLater: undefined };
    known.set(fn, numbered);
    byId.set(numbered.id, new WeakRef(fn));
    collected.register(fn, numbered.id);
  }
  return numbered;
}

/** Where a worker finds functions by their numbers. */
export interface FunctionSource {
  readonly horizon: number;
  get(id: number): AnyFunction | Promise<AnyFunction>;
  /** The same if it need not be loaded first. */
  known(id: number): AnyFunction | undefined;
  /** Whether it is known what the number stands for. */
  isTold(id: number): boolean;
  /** Told before the first task that uses the function is sent. */
  learn(id: number, reference: unknown): void;
}

/** In a forked worker, at its birth: all that is numbered and alive, held from now on. */
export function inheritedFunctions(): FunctionSource {
  const functions = new Map([...byId].map(([id, ref]) => [id, ref.deref()]));
  return {
    horizon: lastId,
    get(id) {
      const fn = functions.get(id);
      if (fn === undefined)
        throw new Error(`this worker was forked before function ${String(id)} was known`);
      return fn;
    },
    known: (id) => functions.get(id),
    isTold: () => true,
    learn: () => undefined,
  };
}

/** In any other worker: functions are loaded when a task first needs them. */
export function referencedFunctions(): FunctionSource {
  const references = new Map<number, CallableReference>();
  const loading = new Map<number, Promise<AnyFunction>>();
  const loaded = new Map<number, AnyFunction>();
  return {
    horizon: ALL_FUNCTIONS,
    get(id) {
      let answer = loading.get(id);
      if (answer === undefined) {
        const reference = references.get(id) as CallableReference;
        answer = whileImporting(
          () => resolveCallable(reference),
          isInMainModule(reference),
        ) as Promise<AnyFunction>;
        loading.set(id, answer);
        answer.then(
          (fn) => loaded.set(id, fn),
          // Whoever asked for it is told by the answer itself.
          () => undefined,
        );
      }
      return answer;
    },
    known: (id) => loaded.get(id),
    isTold: (id) => references.has(id),
    learn(id, reference) {
      references.set(id, reference as CallableReference);
    },
  };
}
