import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';

/** The task that this worker runs, as its function sees it. */
export interface CurrentTask {
  /** Its number among the tasks of the pool's process; also in what `diagnostics_channel` tells. */
  readonly id: number;
  /** The name of its function. */
  readonly name: string;
  /**
   * Aborted when nobody waits for the task any more: its `signal` or its `timeout` has spoken, or it runs longer than its
   * `taskTimeout`. The reason is the caller's. A task that ends soon keeps its worker; one that goes on for longer than the
   * pool's `killGrace` is killed with it. A task without any of these three is never aborted.
   */
  readonly signal: AbortSignal;
  /**
   * Gives the value to the call's `onReport`, before the result; does nothing where there is none, and after the task's end.
   * Does not wait; on the native backend it goes out of a function that blocks as well. @throws SerializationError when the value cannot travel
   */
  report(value: unknown): void;
}

let running: RunningTask | undefined;

resetAfterFork(AfterForkOrder.Services, (occasion) => {
  become(occasion === 'rehearsal' ? running : undefined);
});

/**
 * In a worker of a pool, the task that it runs; null everywhere else, also in processes that a task has started. A worker
 * runs one task at a time. What a task leaves behind when it ends sees the next one here, so code that may live on asks at
 * its beginning and keeps the object.
 */
export function currentTask(): CurrentTask | null {
  return running?.view ?? null;
}

function become(task: RunningTask | undefined): void {
  running = task;
}

export type SendReport = (value: unknown, index: number) => void;

/** The worker's side of it. */
export class RunningTask {
  /** The place in the payload of the item that it is at. */
  index = 0;
  readonly #id: number;
  readonly #send: SendReport | undefined;
  #name = '';
  #view: CurrentTask | undefined;
  #aborting: AbortController | undefined;
  #over = false;

  /** `send` is absent where nobody wants to hear of it. */
  constructor(id: number, send: SendReport | undefined) {
    this.#id = id;
    this.#send = send;
  }

  /** What the function sees. Made when it is first asked for: most tasks never look. */
  get view(): CurrentTask {
    const signal = (): AbortSignal => this.#controller.signal;
    return (this.#view ??= Object.freeze<CurrentTask>({
      id: this.#id,
      name: this.#name,
      get signal() {
        return signal();
      },
      report: (value) => {
        if (!this.#over) this.#send?.(value, this.index);
      },
    }));
  }

  abort(reason: unknown): void {
    if (!this.#over) this.#controller.abort(reason);
  }

  throwIfAborted(): void {
    this.#aborting?.signal.throwIfAborted();
  }

  /** Runs the body as this task: until it returns, or what it answers has settled. */
  during<T>(name: string, body: () => T): T | Promise<Awaited<T>> {
    this.#name = name;
    become(this);
    let lasts = false;
    try {
      const value = body();
      lasts = isThenable(value);
      return lasts ? this.#until(value) : value;
    } finally {
      if (!lasts) this.#end();
    }
  }

  async #until<T>(value: T): Promise<Awaited<T>> {
    try {
      return await value;
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#over = true;
    become(undefined);
  }

  get #controller(): AbortController {
    return (this.#aborting ??= new AbortController());
  }
}

/** What `await` would wait for. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
