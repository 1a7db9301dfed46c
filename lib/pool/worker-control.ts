import type { StopListening } from '../backend/contract.js';
import { log } from '../base/log.js';
import { decodeError } from '../serialization/error-codec.js';
import { FrameKind } from './frames.js';
import type { FunctionSource } from './functions.js';
import type { ControlLine } from './pool-line.js';
import type { Frame } from './received-frame.js';

const nothing = (): undefined => undefined;

interface Heard {
  readonly taskId: number;
  readonly abort: (reason: unknown) => void;
}

/**
 * What the pool says to this worker of its tasks. It is read when a task needs it and at no other time, because waiting for a message would
 * keep a process alive whose task can never end; so it is listened to beside a task that may be aborted, and beside no other.
 */
export class WorkerControl {
  readonly #line: ControlLine;
  readonly #functions: Pick<FunctionSource, 'isTold' | 'learn'>;
  /** Beside whom it is listened. */
  #heard: Heard | undefined;
  /** Read before their tasks have begun, or after they have ended, with the reasons. */
  readonly #aborted = new Map<number, unknown>();
  #ended = false;

  constructor(line: ControlLine, functions: Pick<FunctionSource, 'isTold' | 'learn'>) {
    this.#line = line;
    this.#functions = functions;
  }

  /** Until it is known what function this number stands for: that was said before the task was sent. */
  async untilTold(number: number): Promise<void> {
    while (!this.#ended && !this.#functions.isTold(number)) await this.#readOne();
  }

  /** Whether this task may have been aborted before its beginning. Reads nothing. Only where both sides share memory. */
  mayBeAborted(taskId: number): boolean {
    return this.#aborted.has(taskId) || this.#line.look();
  }

  /** Listens beside this task. `abort` is called at once when it was aborted before it could begin. */
  async listenFor(taskId: number, abort: (reason: unknown) => void): Promise<StopListening> {
    while (!this.#ended && (await this.#line.poll())) await this.#readOne();
    if (this.#aborted.has(taskId)) abort(this.#aborted.get(taskId));
    // The pool says it of the task that this worker is at, or about to begin. Any other has ended.
    this.#aborted.clear();
    if (this.#ended) return nothing;
    this.#heard = { taskId, abort };
    const stop = this.#listen();
    return () => {
      this.#heard = undefined;
      return stop();
    };
  }

  #listen(): StopListening {
    try {
      return this.#line.listen(
        (frame) => {
          this.#take(frame);
        },
        () => {
          this.#ended = true;
        },
      );
    } catch (error) {
      this.#broke(error);
      return nothing;
    }
  }

  async #readOne(): Promise<void> {
    let frame: Frame | undefined;
    try {
      frame = await this.#line.recv();
    } catch (error) {
      this.#broke(error);
      return;
    }
    if (frame === undefined) this.#ended = true;
    else this.#take(frame);
  }

  #take(frame: Frame): void {
    const { kind, taskId, number } = frame;
    if (kind === FrameKind.Function) this.#functions.learn(number, frame.read());
    else if (kind !== FrameKind.Abort) log('the pool said something unknown: %d', kind);
    else if (this.#heard?.taskId === taskId) this.#heard.abort(reasonIn(frame));
    else this.#aborted.set(taskId, reasonIn(frame));
  }

  /** The task goes on. */
  #broke(error: unknown): void {
    log('the line to the pool broke: %o', error);
    this.#ended = true;
  }
}

function reasonIn(frame: Frame): unknown {
  try {
    return decodeError(frame.read());
  } catch (error) {
    return error;
  }
}
