/** Where a map or an iteration gets its items: an iterator of the program's, which need not behave. */
import type { Items } from './pool-options.js';
import type { WorkerSet } from './worker-set.js';
import type { Job } from './workload.js';

export type Source<T> = Iterator<T> | AsyncIterator<T>;

/** Whether they come one by one, later. Read and not looked for with `in`: a string is iterable, and no object. */
export function isAsync<T>(items: Items<T>): items is AsyncIterable<T> {
  return (items as Partial<AsyncIterable<T>>)[Symbol.asyncIterator] !== undefined;
}

/** @throws TypeError for what is no iterator, and what the program's own method throws. */
export function sourceOf<T>(items: Items<T>): Source<T> {
  const source: unknown = isAsync(items) ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  if (typeof (source as Partial<Source<T>> | undefined)?.next === 'function') {
    return source as Source<T>;
  }
  throw new TypeError('the iterator of `items` has no method next()');
}

/** One step. @throws what the program's own method throws, and TypeError for what is no step. */
export function stepOf<T>(source: Source<T>): IteratorResult<T> | PromiseLike<IteratorResult<T>> {
  return checkStep(source.next());
}

export function isLater<T>(
  step: IteratorResult<T> | PromiseLike<IteratorResult<T>>,
): step is PromiseLike<IteratorResult<T>> {
  return typeof (step as Partial<PromiseLike<unknown>>).then === 'function';
}

export function checkStep<S>(step: S): S {
  if (typeof step === 'object' && step !== null) return step;
  throw new TypeError('the iterator of `items` gave no { done, value }');
}

/** Lets it clean up. Nobody waits for that, nor hears what goes wrong in it: a step may be under way, and never end. */
export function closeSource(source: Source<unknown>): void {
  try {
    Promise.resolve(source.return?.()).catch(() => undefined);
  } catch {
    // In the middle of a step, or by its own code.
  }
}

interface Forgotten {
  readonly set: WorkerSet;
  readonly job: Job;
  readonly source: Source<unknown>;
  readonly owner: number;
}

/** Iterations that were neither read to the end nor left, and that nobody can reach any more. A pool that was closed waits for them no longer. */
export const forgottenIterations = new FinalizationRegistry<Forgotten>((forgotten) => {
  const { set, job, source, owner } = forgotten;
  // In a forked child pool and source are the parent's.
  if (owner !== process.pid) return;
  closeSource(source);
  set.removeJob(job);
});
