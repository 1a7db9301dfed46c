import { SerializationError, StateError } from '../errors.js';
import { referTo, referToAtOnce } from '../serialization/function-ref.js';
import { resolveAtOnce } from '../serialization/function-reference.js';
import { isTaskReference, taskFunction, taskReferenceOf } from '../serialization/task-ref.js';

type Action = () => unknown;

/** What the last to arrive at a barrier runs, in whichever process that is. */
export class BarrierAction {
  #run: Action;
  /** The same by its name, which travels. */
  #named: Action | undefined;
  /** Why it has no name in other processes. */
  #refusal: unknown;

  constructor(run: Action) {
    this.#run = run;
    const reference = referToAtOnce(run);
    if (isTaskReference(reference)) {
      this.#named = taskFunction(reference);
      return;
    }
    // An ES module is asked for the name of what it exports, which takes a moment.
    referTo(run, 'action').then(
      (found) => {
        if (isTaskReference(found)) this.#named = taskFunction(found);
      },
      (refusal: unknown) => (this.#refusal = refusal),
    );
  }

  /** @throws SerializationError when it has no name, or none yet. */
  named(): Action {
    if (this.#named !== undefined) return this.#named;
    if (this.#refusal instanceof Error) throw this.#refusal;
    throw new SerializationError(
      "the barrier's action has no name in other processes, or none that is known already: " +
        'export it from its module and give the barrier taskRef(module, exportName)',
      'action',
    );
  }

  async run(): Promise<void> {
    await this.#run();
  }

  runSync(): void {
    const reference = taskReferenceOf(this.#run);
    // What arrived by name is a function that loads its module first, and that would be a promise.
    if (reference !== undefined) this.#run = resolveAtOnce(reference) as Action;
    const result = this.#run() as { then?: unknown } | null | undefined;
    if (typeof result?.then !== 'function') return;
    // Nobody is there to hear of how it ends.
    Promise.resolve(result).catch(() => undefined);
    throw new StateError(
      "the barrier's action returned a promise, which waitSync() cannot wait for: use wait()",
    );
  }
}
