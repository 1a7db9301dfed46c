import { log } from '../base/log.js';
import type { Frame, PoolLine } from './pool-line.js';

/** As the reason of an abort: making the usual one costs more than most messages. */
const TAKEN_BACK = Symbol('nobody listens any more');

/** Reads a worker's line while somebody listens. Waiting for a message keeps the event loop alive, so it can be taken back. */
export class LineReader {
  readonly #line: PoolLine;
  readonly #onFrame: (frame: Frame) => void;
  readonly #onGone: () => void;
  #wanted = false;
  /** It will be looked whether it still is not wanted. */
  #leaving = false;
  #gone = false;
  #running: Promise<void> | undefined;
  #interrupt = new AbortController();
  /** Calls of catchUp() that are under way: one after the other, and nothing else reads meanwhile. */
  #catching = 0;
  #caughtUp = Promise.resolve();

  /** `onGone`: the other end is closed, and all was read. */
  constructor(line: PoolLine, onFrame: (frame: Frame) => void, onGone: () => void) {
    this.#line = line;
    this.#onFrame = onFrame;
    this.#onGone = onGone;
  }

  listen(on: boolean): void {
    this.#wanted = on;
    if (on) this.#start();
    // Who awaits one task after the other begins the next in the turn in which one ends: then nothing is to be taken back.
    else if (!this.#leaving) {
      this.#leaving = true;
      setImmediate(() => {
        this.#leaving = false;
        if (!this.#wanted) this.#interrupt.abort(TAKEN_BACK);
      });
    }
  }

  /** Reads what has arrived already, and waits for nothing. */
  catchUp(): Promise<void> {
    this.#catching++;
    this.#interrupt.abort(TAKEN_BACK);
    this.#caughtUp = this.#caughtUp.then(async () => {
      await this.#running;
      while (!this.#gone && (await this.#line.poll())) await this.#readOne(undefined);
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
    if (this.#running !== undefined || this.#catching > 0 || this.#gone) return;
    // To make one costs more than the rest of a reading.
    if (this.#interrupt.signal.aborted) this.#interrupt = new AbortController();
    this.#running = this.#run(this.#interrupt.signal).then(() => {
      this.#running = undefined;
      if (this.#wanted) this.#start();
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (this.#wanted && !this.#gone && !signal.aborted) {
      await this.#readOne(signal);
      this.#readMore();
    }
  }

  /** What has come along, without a promise for each. */
  #readMore(): void {
    while (this.#wanted && this.#catching === 0) {
      const frame = this.#line.tryRecv();
      if (frame === undefined) return;
      this.#onFrame(frame);
    }
  }

  async #readOne(signal: AbortSignal | undefined): Promise<void> {
    let frame: Frame | undefined;
    try {
      frame = await this.#line.recv({ signal });
    } catch (error) {
      if (signal?.aborted === true) return;
      log('the line of a worker broke: %o', error);
    }
    if (frame !== undefined) this.#onFrame(frame);
    else {
      this.#gone = true;
      this.#onGone();
    }
  }
}
