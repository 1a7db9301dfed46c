// A tree of processes without processes: routers joined by links that deliver when told to, in an order drawn from a seed.
// A killed process loses what it had not written; what it had written still arrives, and then its line is down.
import { setImmediate as turn } from 'node:timers/promises';
import type { Channel, Message } from '../../../lib/backend/contract.js';
import { FallbackChannel } from '../../../lib/backend/fallback/channel.js';
import type { Frame } from '../../../lib/backend/fallback/frames.js';
import type { Link } from '../../../lib/backend/fallback/link.js';
import { Router } from '../../../lib/backend/fallback/router.js';

const DUPLEX = { readable: true, writable: true };

/** mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One direction of a line. */
class Wire {
  readonly from: SimulatedProcess;
  readonly to: SimulatedProcess;
  unwritten: { frame: Frame; written: (() => void) | undefined }[] = [];
  readonly flying: Frame[] = [];
  listener: { frame: (frame: Frame) => void; closed: () => void } | undefined;
  down = false;

  constructor(from: SimulatedProcess, to: SimulatedProcess) {
    this.from = from;
    this.to = to;
  }

  /** What could happen next. */
  steps(): (() => void)[] {
    const steps: (() => void)[] = [];
    if (this.from.alive && this.unwritten.length > 0) steps.push(() => this.#write());
    if (this.to.alive && this.flying.length > 0) steps.push(() => this.#deliver());
    if (this.to.alive && !this.from.alive && this.flying.length === 0 && !this.down) {
      steps.push(() => {
        this.down = true;
        this.listener?.closed();
      });
    }
    return steps;
  }

  #write(): void {
    const next = this.unwritten.shift();
    if (next === undefined) return;
    this.flying.push(structuredClone(next.frame));
    if (this.to.alive) next.written?.();
  }

  #deliver(): void {
    const frame = this.flying.shift();
    if (frame === undefined) return;
    this.to.heard.push(frame.op);
    this.listener?.frame(frame);
  }
}

class SimulatedLink implements Link {
  readonly #out: Wire;
  readonly #in: Wire;

  constructor(out: Wire, back: Wire) {
    this.#out = out;
    this.#in = back;
  }

  get connected(): boolean {
    return !this.#in.down;
  }

  open(listener: { frame: (frame: Frame) => void; closed: () => void }): void {
    this.#in.listener = listener;
  }

  send(frame: Frame, written?: () => void): void {
    if (this.#out.from.alive) this.#out.unwritten.push({ frame, written });
  }

  flush(): void {
    for (const { frame } of this.#out.unwritten.splice(0)) {
      this.#out.flying.push(structuredClone(frame));
    }
  }
}

export class SimulatedProcess {
  readonly name: string;
  alive = true;
  router!: Router;
  /** To the parent. */
  control: Channel | undefined;
  /** To the children. */
  readonly lines = new Map<SimulatedProcess, Channel>();
  readonly channels = new Set<Channel>();
  /** The words of the frames that have reached it. */
  readonly heard: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  pair(): [Channel, Channel] {
    const [left, right] = this.router.ends.openPair();
    const pair: [Channel, Channel] = [
      new FallbackChannel(left, DUPLEX),
      new FallbackChannel(right, DUPLEX),
    ];
    for (const channel of pair) this.channels.add(channel);
    return pair;
  }

  receive(message: Message): Channel[] {
    const channels = message.handles.map((handle) => FallbackChannel.fromTransfer(handle, DUPLEX));
    for (const channel of channels) this.channels.add(channel);
    return channels;
  }

  closeAll(): void {
    for (const channel of [...this.channels, ...this.lines.values()]) channel.close();
    this.control?.close();
  }
}

export class SimulatedTree {
  readonly random: () => number;
  readonly root: SimulatedProcess;
  readonly processes: SimulatedProcess[] = [];
  readonly #wires: Wire[] = [];

  constructor(seed: number) {
    this.random = randomFrom(seed);
    this.root = new SimulatedProcess('root');
    this.root.router = new Router({ process: 'root', depth: 0 });
    this.processes.push(this.root);
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }

  spawn(parent: SimulatedProcess): SimulatedProcess {
    const child = new SimulatedProcess(`${parent.name}.${parent.lines.size + 1}`);
    const down = new Wire(parent, child);
    const up = new Wire(child, parent);
    this.#wires.push(down, up);
    child.router = new Router({
      process: child.name,
      depth: parent.router.depth + 1,
      parent: new SimulatedLink(up, down),
      onOrphaned: () => this.kill(child),
    });
    const line = parent.router.addChild(child.name, new SimulatedLink(down, up));
    parent.lines.set(child, new FallbackChannel(line, DUPLEX));
    child.control = new FallbackChannel(child.router.ends.adoptControl(child.name), DUPLEX);
    this.processes.push(child);
    return child;
  }

  kill(process: SimulatedProcess): void {
    process.alive = false;
    for (const wire of this.#wires) {
      if (wire.from === process) wire.unwritten = [];
    }
  }

  /** Lets one thing happen, and the promises that follow from it. False when nothing was left to happen. */
  async step(): Promise<boolean> {
    const steps = this.#wires.flatMap((wire) => wire.steps());
    if (steps.length > 0) this.pick(steps)();
    await turn();
    return steps.length > 0;
  }

  /** Until nothing happens any more. `between` runs before each step. */
  async run(between: () => void = () => undefined): Promise<void> {
    for (let quiet = 0, steps = 0; quiet < 3; steps += 1) {
      if (steps > 100_000) throw new Error('the simulation does not come to rest');
      between();
      quiet = (await this.step()) ? 0 : quiet + 1;
    }
  }

  /** Hands an end from one process to any other, through the lines between them. */
  async hand(from: SimulatedProcess, channel: Channel, to: SimulatedProcess): Promise<Channel> {
    const [near, far] = await this.#lineBetween(from, to);
    await near.send({ bytes: new Uint8Array(), handles: [channel.toTransfer()] }, {});
    const [received] = to.receive(await far.recv({}));
    near.close();
    far.close();
    return received as Channel;
  }

  /** A fresh channel between two processes, brought there over the control channels. */
  async #lineBetween(
    from: SimulatedProcess,
    to: SimulatedProcess,
  ): Promise<[near: Channel, far: Channel]> {
    const [near, start] = from.pair();
    let far = start;
    let farAt = from;
    for (const hop of this.#path(from, to)) {
      const [out, into] =
        hop.lines.get(farAt) === undefined
          ? [farAt.lines.get(hop), hop.control]
          : [farAt.control, hop.lines.get(farAt)];
      await out?.send({ bytes: new Uint8Array(), handles: [far.toTransfer()] }, {});
      far.close();
      farAt.channels.delete(far);
      [far] = hop.receive((await into?.recv({})) as Message) as [Channel];
      farAt = hop;
    }
    return [near, far];
  }

  #path(from: SimulatedProcess, to: SimulatedProcess): SimulatedProcess[] {
    const up = this.#ancestors(from);
    const down = this.#ancestors(to);
    const meeting = up.find((process) => down.includes(process)) as SimulatedProcess;
    return [
      ...up.slice(1, up.indexOf(meeting) + 1),
      ...down.slice(0, down.indexOf(meeting)).reverse(),
    ];
  }

  #ancestors(process: SimulatedProcess): SimulatedProcess[] {
    const parent = this.processes.find(({ lines }) => lines.has(process));
    return parent === undefined ? [process] : [process, ...this.#ancestors(parent)];
  }
}
