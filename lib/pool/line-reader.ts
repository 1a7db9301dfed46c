import type { StopListening } from '../backend/contract.js';
import { log } from '../base/log.js';
import type { PoolLine } from './pool-line.js';
import type { Frame } from './received-frame.js';

type ReadLine = Pick<PoolLine, 'listen' | 'poll' | 'recv'>;

/** Reads a worker's line while somebody listens, which keeps the event loop alive. */
export class LineReader {
  readonly #line: ReadLine;
  readonly #onFrame: (frame: Frame) => void;
  readonly #onGone: () => void;
  #wanted = false;
  /** It will be looked whether it still is not wanted. */
  #leaving = false;
  #gone = false;
  #stop: StopListening | undefined;
  /** Of the listening that was stopped last: when nothing of it comes any more. */
  #ended: Promise<void> | undefined;
  /** Calls of catchUp() that are under way: one after the other, and nothing else reads meanwhile. */
  #catching = 0;
  #caughtUp = Promise.resolve();

  /** `onGone`: the other end is closed, and all was read. */
  constructor(line: ReadLine, onFrame: (frame: Frame) => void, onGone: () => void) {
    this.#line = line;
    this.#onFrame = onFrame;
    this.#onGone = () => {
      this.#gone = true;
      onGone();
    };
  }

  listen(on: boolean): void {
    this.#wanted = on;
    if (on) this.#start();
    // Who awaits one task after the other begins the next in the turn in which one ends: then nothing is to be taken back.
    else if (!this.#leaving) {
      this.#leaving = true;
      setImmediate(() => {
        this.#leaving = false;
        if (!this.#wanted) void this.#end();
      });
    }
  }

  /** Reads what has arrived already, and waits for nothing. */
  catchUp(): Promise<void> {
    this.#catching++;
    const ended = this.#end();
    this.#caughtUp = this.#caughtUp.then(async () => {
      await ended;
      while (!this.#gone && (await this.#line.poll())) await this.#readOne();
      if (--this.#catching === 0 && this.#wanted) this.#start();
    });
    return this.#caughtUp;
  }

  /** After the end of the process: reads what it had said before. */
  async drain(): Promise<void> {
    this.#wanted = false;
    await this.catchUp();
  }

  #start(): void {
    if (this.#stop !== undefined || this.#catching > 0 || this.#gone) return;
    try {
      this.#stop = this.#line.listen(this.#onFrame, this.#onGone);
    } catch (error) {
      log('nobody can listen to the line of a worker: %o', error);
      this.#onGone();
    }
  }

  #end(): Promise<void> | undefined {
    if (this.#stop === undefined) return this.#ended;
    this.#ended = this.#stop();
    this.#stop = undefined;
    return this.#ended;
  }

  async #readOne(): Promise<void> {
    let frame: Frame | undefined;
    try {
      frame = await this.#line.recv();
    } catch (error) {
      log('the line of a worker broke: %o', error);
    }
    if (frame === undefined) this.#onGone();
    else this.#onFrame(frame);
  }
}
