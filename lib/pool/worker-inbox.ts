import type { StopListening } from '../backend/contract.js';
import { log } from '../base/log.js';
import { decodeError } from '../serialization/error-codec.js';
import { FrameKind } from './frames.js';
import type { Frame, PoolLine } from './pool-line.js';

const nothing = (): undefined => undefined;

type InboxLine = Pick<PoolLine, 'recv' | 'tryRecv' | 'awaitBriefly' | 'listen' | 'poll' | 'marked'>;

/**
 * What the pool has sent to this worker, in order. While a task runs nothing is read, because waiting for a message would keep
 * a process alive whose task can never end; except beside a task that may be aborted.
 */
export class WorkerInbox {
  readonly #line: InboxLine;
  /** Read beside a task. */
  readonly #early: Frame[] = [];
  /** Tasks among these that nobody waits for any more, with the reasons. */
  readonly #aborted = new Map<number, unknown>();
  /** Aborts among what was read. */
  #abortsRead = 0;
  #ended = false;

  constructor(line: InboxLine) {
    this.#line = line;
  }

  /** What is here already, or is about to come: blocks for no longer than it would take to be woken for it. */
  take(): Frame | undefined {
    const early = this.#early.shift();
    if (early !== undefined || this.#ended) return early;
    return this.#counted(this.#line.tryRecv() ?? this.#line.awaitBriefly());
  }

  /** Whether this task may have been aborted before its beginning. Looks at what the pool has marked, and reads nothing. */
  mayBeAborted(taskId: number): boolean {
    return this.#aborted.has(taskId) || this.#line.marked !== this.#abortsRead;
  }

  /** Undefined when the pool has gone. */
  async next(): Promise<Frame | undefined> {
    const frame = this.#early.shift();
    if (frame !== undefined) return frame;
    return this.#ended ? undefined : this.#counted(await this.#line.recv());
  }

  /** Listens beside this task. `abort` is called at once when it was aborted before it could begin. */
  async listenFor(taskId: number, abort: (reason: unknown) => void): Promise<StopListening> {
    const take = (frame: Frame): void => {
      if (frame.kind !== FrameKind.Abort) this.#early.push(frame);
      else if (frame.taskId === taskId) abort(reasonIn(frame));
      // A task that has ended is not among those that are to come.
      else if (this.#early.some((early) => early.taskId === frame.taskId))
        this.#aborted.set(frame.taskId, reasonIn(frame));
    };
    if (this.#aborted.has(taskId)) abort(this.#aborted.get(taskId));
    this.#aborted.delete(taskId);
    while (!this.#ended && (await this.#line.poll())) await this.#readOne(take);
    return this.#ended ? nothing : this.#listen(take);
  }

  #listen(take: (frame: Frame) => void): StopListening {
    const onFrame = (frame: Frame): void => {
      this.#counted(frame);
      take(frame);
    };
    try {
      return this.#line.listen(onFrame, () => {
        this.#ended = true;
      });
    } catch (error) {
      this.#broke(error);
      return nothing;
    }
  }

  async #readOne(take: (frame: Frame) => void): Promise<void> {
    let frame: Frame | undefined;
    try {
      frame = this.#counted(await this.#line.recv());
    } catch (error) {
      this.#broke(error);
      return;
    }
    if (frame === undefined) this.#ended = true;
    else take(frame);
  }

  /** The task goes on, and is the last one. */
  #broke(error: unknown): void {
    log('the line to the pool broke: %o', error);
    this.#ended = true;
  }

  #counted(frame: Frame | undefined): Frame | undefined {
    if (frame?.kind === FrameKind.Abort) this.#abortsRead++;
    return frame;
  }
}

function reasonIn(frame: Frame): unknown {
  try {
    return decodeError(frame.read());
  } catch (error) {
    return error;
  }
}
