import type { ChildProcess } from 'node:child_process';
import type { Frame } from './frames.js';

/** Carries frames between a parent and its child, in order, until one of the two ends. */
export interface Link {
  readonly connected: boolean;
  /** `written` runs when the frame will arrive even if this process is killed now. Never called once the link is down. */
  send(frame: Frame, written?: () => void): void;
  /** Hands what has been sent to the operating system now, for a process that is about to end. */
  flush(): void;
  /** `frame` runs per frame; `closed` once, after the last of them. */
  open(listener: { frame: (frame: Frame) => void; closed: () => void }): void;
}

/**
 * Node keeps messages whose `cmd` has this prefix from the program's 'message' listeners and emits them as
 * 'internalMessage', which is how `cluster` talks over the same line.
 */
const COMMAND = 'NODE_MULTIPROCESSING';

interface Envelope {
  cmd: string;
  frames: Frame[];
}

/** The line that child_process gives to a parent and its child ('ipc'), seen from either side. */
export interface Line {
  readonly connected: boolean;
  readonly channel?: { unref(): void } | null | undefined;
  send?(message: Envelope, handle: undefined, options: undefined, sent: Sent): boolean;
  on(event: 'internalMessage' | 'disconnect', listener: LineListener): unknown;
}

export type LineListener = (message: unknown) => void;

type Sent = (error: Error | null) => void;

/** A Link over that line. All frames of one turn travel in one message. */
export class ProcessLink implements Link {
  readonly #line: Line;
  readonly #send: (envelope: Envelope, sent: Sent) => void;
  #waiting: Frame[] = [];
  #written: (() => void)[] = [];
  /** Internal messages that come before anybody listens are lost, so nothing leaves before the child's first word. */
  #heard: boolean;

  private constructor(line: Line, heard: boolean) {
    this.#line = line;
    this.#heard = heard;
    const send = line.send?.bind(line);
    this.#send = (envelope, sent) => {
      send?.(envelope, undefined, undefined, sent);
    };
    // An explicit choice: neither writes nor the program's own listeners make the line hold the event loop any more.
    line.channel?.unref();
  }

  /** The parent's side. */
  static toChild(child: ChildProcess): ProcessLink {
    return new ProcessLink(child, false);
  }

  /** The child's side. */
  static toParent(line: Line): ProcessLink {
    const link = new ProcessLink(line, true);
    link.send({ op: 'hello' });
    return link;
  }

  get connected(): boolean {
    return this.#line.connected;
  }

  open({ frame, closed }: { frame: (frame: Frame) => void; closed: () => void }): void {
    this.#line.on('internalMessage', (message: unknown) => {
      const envelope = message as Envelope;
      if (envelope.cmd !== COMMAND) return;
      if (!this.#heard) {
        this.#heard = true;
        this.flush();
      }
      for (const received of envelope.frames) frame(received);
    });
    if (this.#line.connected) this.#line.on('disconnect', closed);
    else process.nextTick(closed);
  }

  send(frame: Frame, written?: () => void): void {
    if (this.#waiting.push(frame) === 1 && this.#heard) process.nextTick(() => this.flush());
    if (written !== undefined) this.#written.push(written);
  }

  flush(): void {
    if (!this.#heard || this.#waiting.length === 0) return;
    const frames = this.#waiting;
    const written = this.#written;
    this.#waiting = [];
    this.#written = [];
    if (!this.#line.connected) return;
    this.#send({ cmd: COMMAND, frames }, (error) => {
      // An error means that the other process has ended, which `closed` tells to everybody concerned.
      if (error === null) for (const tell of written) tell();
    });
  }
}
