import { Broker } from './broker.js';
import { EndTable, type Uplink } from './end-table.js';
import { Fifo } from './fifo.js';
import type { Frame, ProcessId, Reply, Request } from './frames.js';
import { Lanes } from './lanes.js';
import type { Link } from './link.js';
import type { Reference } from './reference.js';

/**
 * So many frames in a row are dealt with without waiting; then the event loop gets a turn. Otherwise two ends of one process that
 * answer each other would keep timers and all other input from running.
 */
const FRAMES_PER_TURN = 256;

export interface Position {
  readonly process: ProcessId;
  /** 0 at the root, which has no `parent`. */
  readonly depth: number;
  readonly parent?: Link;
  /** The parent has ended without a goodbye. */
  readonly onOrphaned?: () => void;
}

/**
 * One per process: its own ends, the lines to its children, and the way to the broker, which is here at the root of the tree
 * and behind the parent elsewhere.
 */
export class Router implements Uplink {
  readonly ends: EndTable;
  readonly process: ProcessId;
  readonly depth: number;
  readonly #onOrphaned: () => void;
  #parent: Lanes | undefined;
  #broker: Broker | undefined;
  /** The parent has said goodbye: its end is not ours. */
  #released = false;
  readonly #children = new Map<ProcessId, Lanes>();
  /** Every descendant, by the line on which it is reached. */
  readonly #routes = new Map<ProcessId, Lanes>();
  /** What the broker and the own ends say to each other, one after the other. */
  readonly #turns = new Fifo<() => void>();
  /** They are being taken, or will be when the event loop comes round. */
  #turning = false;
  /** One of them is being taken. */
  #inTurn = false;
  #endIsWatched = false;
  #ending = false;
  #turnsInARow = 0;

  constructor({ process, depth, parent, onOrphaned }: Position) {
    this.process = process;
    this.depth = depth;
    this.#onOrphaned = onOrphaned ?? (() => undefined);
    this.ends = new EndTable(this);
    if (parent === undefined) {
      this.#becomeRoot();
      return;
    }
    this.#parent = new Lanes(parent);
    parent.open({ frame: (frame) => this.#fromParent(frame), closed: () => this.#parentEnded() });
  }

  /** Ends that the broker keeps, when it is here. */
  get brokerSize(): number {
    return this.#broker?.size ?? 0;
  }

  /** Whether the parent is there. */
  get attached(): boolean {
    return this.#parent !== undefined;
  }

  get lossy(): boolean {
    return this.#parent !== undefined && this.depth > 1;
  }

  request(request: Request, written?: () => void): void {
    if (this.#parent !== undefined) {
      this.#parent.send(request, written);
      // Nothing is sent later any more. What the program's own 'exit' listeners still do counts too.
      if (this.#ending) this.#parent.link.flush();
      return;
    }
    // The sender may use its bytes again once they are sent.
    const own =
      request.op === 'message' ? { ...request, bytes: new Uint8Array(request.bytes) } : request;
    this.#turn(() => {
      this.#broker?.handle(this.process, own);
      written?.();
    });
  }

  catchUp(): boolean {
    if (this.#broker === undefined || this.#inTurn) return false;
    while (this.#turns.size > 0) this.#takeTurn();
    return true;
  }

  /** A child that was just started: its line, and our end of the channel to it. */
  addChild(child: ProcessId, link: Link): Reference {
    const line = new Lanes(link);
    this.#children.set(child, line);
    this.#route(child, line);
    link.open({
      frame: (frame) => this.#fromChild(child, line, frame),
      closed: () => this.#childEnded(child, line),
    });
    return this.ends.openControl(child);
  }

  /** This process is about to end, and the child goes on. */
  letGo(child: ProcessId): void {
    const link = this.#children.get(child)?.link;
    link?.send({ op: 'goodbye' });
    link?.flush();
  }

  /** From now on the broker is told when this process ends in good order, and of all that it did before. */
  watchEnd(): void {
    if (this.#endIsWatched || this.#parent === undefined) return;
    this.#endIsWatched = true;
    process.once('exit', () => {
      this.#ending = true;
      this.request({ op: 'leaving' });
    });
  }

  #becomeRoot(): void {
    this.#parent = undefined;
    this.#broker = new Broker();
    this.#broker.connect(this.process, (reply) => {
      this.#turn(() => this.ends.handle(reply));
    });
    for (const [process, line] of this.#routes) this.#connect(process, line);
  }

  #fromParent(frame: Frame): void {
    if (frame.at !== undefined && frame.at !== this.process) {
      this.#routes.get(frame.at)?.link.send(frame);
    } else if (frame.op === 'goodbye') this.#released = true;
    else if (frame.op === 'orphaned') {
      this.#loseBroker();
      // What we told the new broker before we heard of it.
      this.request({ op: 'reset' });
    } else this.ends.handle(frame as Reply);
  }

  #parentEnded(): void {
    if (!this.#released) {
      this.#onOrphaned();
      return;
    }
    this.#becomeRoot();
    this.#loseBroker();
  }

  /** Before the new broker learns anything of us: what it does not know has ended. */
  #loseBroker(): void {
    for (const { link } of this.#children.values()) link.send({ op: 'orphaned' });
    this.ends.lose();
  }

  #fromChild(child: ProcessId, line: Lanes, frame: Frame): void {
    if (frame.op === 'hello') return;
    frame.at ??= child;
    if (frame.op === 'open' && frame.to !== undefined) this.#route(frame.to, line);
    if (frame.op === 'gone') for (const process of frame.processes) this.#routes.delete(process);
    if (this.#parent !== undefined) this.#parent.link.send(frame);
    else this.#turn(() => this.#broker?.handle(frame.at as ProcessId, frame as Request));
  }

  #childEnded(child: ProcessId, line: Lanes): void {
    this.#children.delete(child);
    const gone = [...this.#routes].filter(([, way]) => way === line).map(([process]) => process);
    for (const process of gone) this.#routes.delete(process);
    if (this.#parent !== undefined) this.#parent.send({ op: 'gone', processes: gone });
    else for (const process of gone) this.#turn(() => this.#broker?.disconnect(process));
  }

  #route(process: ProcessId, line: Lanes): void {
    this.#routes.set(process, line);
    if (this.#broker !== undefined) this.#connect(process, line);
  }

  #connect(process: ProcessId, line: Lanes): void {
    const direct = this.#children.get(process) === line;
    this.#broker?.connect(process, (reply) => {
      line.send(direct ? reply : { ...reply, at: process });
    });
  }

  /** Never one inside the other: an answer waits until its question has been dealt with. */
  #turn(run: () => void): void {
    this.#turns.push(run);
    if (!this.#turning) this.#takeTurns();
  }

  #takeTurns(): void {
    this.#turning = true;
    try {
      while (this.#turns.size > 0 && this.#turnsInARow < FRAMES_PER_TURN) {
        this.#turnsInARow += 1;
        this.#takeTurn();
      }
    } finally {
      this.#turning = false;
    }
    if (this.#turns.size > 0) this.#takeTurnsLater();
  }

  #takeTurn(): void {
    this.#inTurn = true;
    try {
      const { first } = this.#turns;
      if (first === undefined) return;
      this.#turns.delete(first);
      first();
    } finally {
      this.#inTurn = false;
    }
  }

  #takeTurnsLater(): void {
    this.#turning = true;
    setImmediate(() => {
      this.#turnsInARow = 0;
      this.#takeTurns();
    });
  }
}
