import { BrokerEnd, Port, type Queued } from './broker-end.js';
import { ends, type EndId, type Part, type ProcessId, type Reply, type Request } from './frames.js';
import { handleQueue, isAboutQueues } from './queues/broker.js';
import { QueueMemory } from './queues/memory.js';
import { handleSync, isAboutObjects, makeObject } from './sync/broker.js';
import type { SyncRequest } from './sync/words.js';

type Whole = Exclude<Request, Part>;
type OnEnd<Op extends Whole['op']> = Extract<Whole, { op: Op }>;

/**
 * Keeps every channel of a tree of processes, in the process at its root. An end lives while a process holds it or a message
 * that somebody can still read carries it; when it dies the other end's readers come to the end of the stream, and its
 * writers find the pipe broken. What a process held is released when it ends.
 */
export class Broker {
  readonly #ports = new Map<ProcessId, Port>();
  readonly #ends = new Map<EndId, BrokerEnd>();
  readonly #memory: QueueMemory;

  constructor(memory = new QueueMemory()) {
    this.#memory = memory;
  }

  /** Ends that are alive. */
  get size(): number {
    return this.#ends.size;
  }

  connect(process: ProcessId, send: (reply: Reply) => void): void {
    this.#ports.set(process, new Port(process, send));
  }

  disconnect(process: ProcessId): void {
    const port = this.#ports.get(process);
    if (port === undefined) return;
    this.#ports.delete(process);
    this.#releaseAll(port);
  }

  handle(process: ProcessId, request: Request): void {
    const port = this.#ports.get(process);
    const whole = port?.parts.join(request);
    if (port === undefined || whole === undefined) return;
    if (whole.op === 'open') this.#open(port, whole);
    else if (isAboutObjects(whole)) this.#share(port, whole);
    else if (isAboutQueues(whole)) {
      const handles = whole.op === 'put' ? this.#find(whole.handles) : [];
      handleQueue(this.#ends.get(whole.end)?.shared, { port, request: whole, handles });
    } else if (whole.op === 'reset') this.#releaseAll(port);
    else if (whole.op === 'gone') for (const gone of whole.processes) this.disconnect(gone);
    else if (whole.op === 'message') this.#accept(port, whole);
    else if (whole.op === 'back') this.#takeBack(port, whole);
    else if (whole.op === 'close') this.#close(port, whole);
    else this.#ask(port, whole);
  }

  #releaseAll(port: Port): void {
    for (const object of [...port.stakes]) object.gone(port, port.leaving);
    const held = [...port.ends];
    for (const end of held) end.forget(port);
    this.#settle(held);
    for (const end of held) if (!end.dead) end.deliver();
  }

  #open(port: Port, { channel, to }: OnEnd<'open'>): void {
    const [left, right] = ends(channel).map((id) => new BrokerEnd(id)) as [BrokerEnd, BrokerEnd];
    left.peer = right;
    right.peer = left;
    for (const end of [left, right]) this.#ends.set(end.id, end);
    left.hold(port);
    const other = to === undefined ? port : this.#ports.get(to);
    if (other !== undefined) right.hold(other);
    this.#settle([right]);
  }

  #share(port: Port, request: SyncRequest): void {
    if (request.op === 'leaving') port.leaving = true;
    else if (request.op === 'make') {
      const end = new BrokerEnd(request.end);
      const settle = (ends: readonly BrokerEnd[]): void => {
        this.#settle(ends);
      };
      end.shared = makeObject(end, request, { settle, memory: this.#memory });
      this.#ends.set(end.id, end);
      end.hold(port);
    } else handleSync(this.#ends.get(request.end)?.shared, port, request);
  }

  #accept(port: Port, { end: id, bytes, handles, ack }: OnEnd<'message'>): void {
    const end = this.#ends.get(id);
    if (end === undefined || end.peer.dead) {
      port.send({ op: 'broken', end: id });
      return;
    }
    if (ack !== undefined) port.send({ op: 'accepted', ack });
    end.peer.accept({ bytes, handles: this.#find(handles), writer: end.holds.get(port) });
  }

  /** The holds that came with the message go back into it. */
  #takeBack(port: Port, { end: id, seq, bytes, handles }: OnEnd<'back'>): void {
    const travelling = this.#find(handles);
    const end = this.#ends.get(id);
    end?.takeBack({ seq, bytes, handles: travelling });
    for (const handle of travelling) handle.drop(port, 1);
    this.#settle(travelling);
  }

  #close(port: Port, { end: id, holds }: OnEnd<'close'>): void {
    const end = this.#ends.get(id);
    if (end === undefined) return;
    end.close(port, holds);
    this.#settle([end]);
  }

  #ask(
    port: Port,
    request: OnEnd<'want' | 'unwant' | 'look' | 'unlook' | 'taken' | 'returned' | 'halt'>,
  ): void {
    const end = this.#ends.get(request.end);
    if (request.op === 'returned') {
      end?.returned(port, request.wants);
      return;
    }
    const hold = end?.holds.get(port);
    if (request.op === 'unwant') {
      const { end: id, token } = request;
      const removed = end !== undefined && hold !== undefined && end.unwant(hold);
      port.send({ op: 'unwanted', end: id, token, removed });
    } else if (end === undefined || hold === undefined) {
      if (request.op !== 'taken' && request.op !== 'halt')
        port.send({ op: 'ended', end: request.end });
    } else if (request.op === 'want') end.want(hold, request.count);
    else if (request.op === 'look') end.look(hold, request.token);
    else if (request.op === 'unlook') end.unlook(hold, request.token);
    else if (request.op === 'halt') end.halt(hold);
    else end.taken(hold, request.size);
  }

  /** An end that is not there any more travels as a dead one, so that the handles of a message keep their places. */
  #find(ids: readonly EndId[]): BrokerEnd[] {
    return ids.map((id) => {
      const known = this.#ends.get(id);
      if (known !== undefined) return known;
      const lost = new BrokerEnd(id);
      lost.dead = true;
      return lost;
    });
  }

  /** After a hold was given up: an end that nobody can reach dies, and what waited there with the ends in it. */
  #settle(candidates: readonly BrokerEnd[]): void {
    const affected = [...candidates];
    for (const end of affected) {
      if (end.dead) continue;
      if (end.reachable) {
        end.shared?.carriedLess();
        continue;
      }
      end.dead = true;
      this.#ends.delete(end.id);
      const lost: Queued[] = [...end.queue, ...(end.shared?.die() ?? [])];
      end.queue = [];
      for (const message of lost) {
        for (const handle of message.handles) {
          handle.carriers.delete(message);
          affected.push(handle);
        }
      }
      if (end.peer.dead) continue;
      for (const { port } of end.peer.holds.values()) port.send({ op: 'broken', end: end.peer.id });
      end.peer.deliver();
    }
  }
}
