import { Deadline } from '../../../base/deadline.js';
import { READABLE, WRITABLE, type PolledDescriptor } from '../../../base/readiness.js';
import { BrokenPipeError, EndOfFileError } from '../../../errors.js';
import type { Addon } from '../../addon.js';
import type { Message, SharedChannel, TransferHandle } from '../../contract.js';
import { transferredAway } from '../../loan-contract.js';
import { SyncOutcome } from '../../sync-contract.js';
import { isForLoan, isForValue, isForValueAtOnce, lengthOf } from '../../message-head.js';
import { systemError } from '../../system-error.js';
import type { Lane, SendProgress } from '../lane.js';
import { LEAST_IN_PLACE, LentMemory, newView, takenLoan } from '../lent-memory.js';
import { carriedAway, carriedBy } from '../queues/carried.js';
import type { IdleMemory } from '../queues/idle-memory.js';
import { Nothing } from '../queues/inbox.js';
import type { Answer } from '../sync-addon.js';
import type { Core } from '../sync/handle.js';
import type { TakenMessage } from '../pipe-addon.js';
import type { TakenInTwo } from '../queue-addon.js';
import { EndOnItsWay } from './end-on-its-way.js';
import { EventWatch } from './event-watch.js';
import { InputBell } from './input-bell.js';

const NO_HANDLES: readonly TransferHandle[] = Object.freeze([]);
const NO_PARTS: readonly Uint8Array[] = Object.freeze([]);

/** Where small messages are read to. As much as `Buffer.allocUnsafe` takes from its pool. */
const scratch = Buffer.allocUnsafeSlow(4095);

/** Where those are read to of which a value is made at once, in arrays of its own. */
const large = Buffer.allocUnsafeSlow(64 * 1024);

/** With an event: the wait keeps no event loop alive. */
const QUIET = 4;

/** So long, in milliseconds, a blocked thread relies on being woken before it looks whether somebody has died. */
const SAFETY_MS = 100;

/** What all ends of this thread need. */
export interface PipeCore extends Core {
  readonly addon: Addon;
  readonly memory: IdleMemory;
  /** What names an end to other processes. */
  readonly nameOf: (offset: number, generation: number) => string;
  readonly blockOn: (polled: readonly PolledDescriptor[], deadline: Deadline) => void;
}

/** One end of a pipe in memory that processes share: a queue of messages for each direction. */
export class SharedLane implements Lane, SharedChannel {
  readonly takesHead = true;
  readonly #core: PipeCore;
  readonly #id: number;
  readonly #reads: boolean;
  readonly #onReady: () => void;
  readonly #input: EventWatch;
  readonly #room: EventWatch;
  /** Of the message that there was no room for. */
  #refused = 0;
  #bell: InputBell | undefined;
  #closed = false;
  /** Waits that are only there while this thread is blocked. */
  #polled: number[] = [];

  /** Takes over the handle `id`. */
  constructor(core: PipeCore, id: number, reads: boolean, onReady: () => void) {
    this.#core = core;
    this.#id = id;
    this.#reads = reads;
    this.#onReady = onReady;
    this.#input = this.#eventWatch(READABLE);
    this.#room = this.#eventWatch(WRITABLE);
    core.unreachable.register(this, id, this);
  }

  #eventWatch(event: number): EventWatch {
    return new EventWatch(
      this.#core,
      () => this.#begin(event),
      () => {
        this.#onReady();
      },
    );
  }

  take(into?: Uint8Array): Message | undefined {
    if (isForLoan(into)) return this.#takeInPlace();
    const forValue = isForValue(into);
    const target = targetFor(into);
    const taken = this.#core.native.pipeTake(this.#id, target, Number(forValue));
    return this.#taken(taken, target, isForValueAtOnce(into));
  }

  takeSync(timeoutMs: number, into?: Uint8Array): Message | undefined {
    if (isForLoan(into)) return this.#takeInPlaceSync(timeoutMs);
    const forValue = isForValue(into);
    const target = targetFor(into);
    const { native } = this.#core;
    const taken = native.pipeTakeSync(this.#id, target, Number(forValue), timeoutMs);
    return this.#taken(taken, target, isForValueAtOnce(into));
  }

  #taken(
    taken: TakenMessage | undefined | null,
    target: Uint8Array,
    isInPlace: boolean,
  ): Message | undefined {
    this.#bell?.update();
    if (isInPlace && typeof taken === 'number') {
      return { bytes: target, length: taken, handles: NO_HANDLES };
    }
    if (taken === undefined) return undefined;
    if (taken === null) throw nobodyWrites();
    return this.#messageOf(taken, target);
  }

  #takeInPlace(): Message | undefined {
    const { native } = this.#core;
    const id = newView(native);
    const taken = native.loanTake(this.#id * 2, id, LEAST_IN_PLACE);
    this.#bell?.update();
    if (typeof taken === 'number') {
      if (taken === (Nothing.Ever as number)) throw nobodyWrites();
      return undefined;
    }
    if (Array.isArray(taken)) return this.#messageOf(taken, scratch);
    return { ...takenLoan(native, id, taken), handles: NO_HANDLES };
  }

  #takeInPlaceSync(timeoutMs: number): Message | undefined {
    const deadline = Deadline.after(timeoutMs);
    for (;;) {
      const taken = this.#takeInPlace();
      if (taken !== undefined || !this.#waited(READABLE, deadline.remainingMs())) return taken;
    }
  }

  get shared(): SharedChannel {
    return this;
  }

  takeBack(): Message | undefined {
    const taken = this.#core.native.pipeTakeBack(this.#id, scratch) ?? undefined;
    return taken === undefined ? undefined : this.#messageOf(taken, scratch);
  }

  tell(): void {
    this.#core.native.pipeTell(this.#id);
  }

  mark(mark: number): void {
    this.#core.native.pipeMark(this.#id, mark);
  }

  marked(): number {
    return this.#core.native.pipeMarked(this.#id);
  }

  lookOn(): boolean {
    return this.#core.native.pipeLookOn(this.#id);
  }

  #messageOf(taken: TakenMessage, target: Uint8Array): Message {
    if (!Array.isArray(taken)) return { bytes: bytesOf(taken, target), handles: NO_HANDLES };
    if (isInTwo(taken)) {
      const [bytes, front] = taken;
      if (typeof front === 'number') return { bytes, head: front, handles: NO_HANDLES };
      return { bytes, front, handles: NO_HANDLES };
    }
    const [message, ...ends] = taken;
    return { bytes: bytesOf(message, target), handles: this.#arrived(ends) };
  }

  #arrived(numbers: readonly number[]): EndOnItsWay[] {
    const { native, nameOf } = this.#core;
    const ends: EndOnItsWay[] = [];
    for (let at = 0; at < numbers.length; at += 3) {
      const [handle, offset, generation] = numbers.slice(at, at + 3) as [number, number, number];
      ends.push(new EndOnItsWay(native, handle, nameOf(offset, generation)));
    }
    return ends;
  }

  readable(): boolean {
    return this.#core.native.pipeLook(this.#id);
  }

  begin(message: Message, untold = false): SendProgress {
    if (message.lent instanceof LentMemory) return this.#beginLent(message.lent);
    const { bytes, handles, head, front, more = NO_PARTS } = message;
    const carried = head ?? carriedBy(handles);
    let answer: Answer;
    try {
      const { native } = this.#core;
      answer = untold
        ? native.pipeSendUntold(this.#id, bytes, carried, front, more)
        : native.pipeSend(this.#id, bytes, carried, front, more);
    } catch (error) {
      throw systemError('sending failed', error);
    }
    if (answer !== undefined) return this.#notSent(answer, lengthOf(message));
    this.#core.memory.put();
    if (handles.length > 0) carriedAway(handles);
    return 'done';
  }

  lend(size: number, kind: number): LentMemory | undefined {
    const memory = LentMemory.of(this.#core.native, this.#id, { size, kind });
    if (memory !== undefined) this.#core.memory.put();
    return memory;
  }

  #beginLent(memory: LentMemory): SendProgress {
    let answer: Answer | false;
    try {
      answer = this.#core.native.loanPut(this.#id * 2, memory.id);
    } catch (error) {
      throw systemError('sending failed', error);
    }
    if (answer === false) throw transferredAway();
    if (answer !== undefined) return this.#notSent(answer, memory.length);
    this.#core.memory.put();
    return 'done';
  }

  beginScratch(length: number): SendProgress {
    let answer: Answer;
    try {
      answer = this.#core.native.pipeSend(this.#id, length, undefined);
    } catch (error) {
      throw systemError('sending failed', error);
    }
    if (answer !== undefined) return this.#notSent(answer, length);
    this.#core.memory.put();
    return 'done';
  }

  /** @throws BrokenPipeError. Else there is no room. */
  #notSent(answer: Answer, length: number): SendProgress {
    if ((answer as SyncOutcome) === SyncOutcome.Broken) {
      throw new BrokenPipeError('nobody is left at the other end of the connection');
    }
    if (this.#refused !== length) {
      this.#refused = length;
      this.#room.renew();
    }
    return 'waiting';
  }

  flush(): boolean {
    return true;
  }

  waitSync(events: number, timeoutMs: number): boolean {
    if (events === (READABLE | WRITABLE)) return this.#waitForBoth(Deadline.after(timeoutMs));
    return this.#waited(events, timeoutMs);
  }

  #waited(event: number, timeoutMs: number): boolean {
    const { native } = this.#core;
    const outcome = native.pipeWaitSync(this.#id, event, this.#refused, timeoutMs);
    return (outcome as SyncOutcome | undefined) !== SyncOutcome.TimedOut;
  }

  #waitForBoth(deadline: Deadline): boolean {
    for (;;) {
      const over = deadline.passed;
      const polled = this.polled(READABLE | WRITABLE);
      try {
        if (this.readable() || this.#waited(WRITABLE, 0)) return true;
        if (over) return false;
        this.#core.blockOn([polled], deadline);
      } finally {
        this.unpolled();
      }
    }
  }

  watch(events: number): void {
    this.#input.set((events & READABLE) !== 0);
    this.#room.set((events & WRITABLE) !== 0);
  }

  polled(events: number): PolledDescriptor {
    for (const event of [READABLE, WRITABLE]) {
      const begun = (events & event) === 0 ? 0 : (this.#begin(event) ?? 0);
      // What is ready already is seen by the look that follows.
      if (begun < 0) this.#polled.push(-begun);
    }
    return { fd: this.#core.native.bellArm(), events: READABLE, safetyMs: SAFETY_MS };
  }

  unpolled(): void {
    const { native } = this.#core;
    native.bellDisarm();
    for (const wait of this.#polled.splice(0)) native.cancel(wait);
  }

  #begin(event: number): Answer {
    try {
      return this.#core.native.pipeWaitAsync(this.#id, event, this.#refused);
    } catch (error) {
      throw systemError('nothing can be waited for', error);
    }
  }

  /** Made when it is first asked for. From then on the end has to be closed: it is not collected. */
  fileno(): number {
    if (this.#bell === undefined) {
      this.#bell = new InputBell(this.#core.addon, this.#core, {
        begin: () => this.#begin(READABLE | QUIET),
        readable: () => this.readable(),
      });
      if (this.#reads) this.#bell.update();
    }
    return this.#bell.fd;
  }

  toTransfer(): EndOnItsWay {
    const { native, nameOf } = this.#core;
    return new EndOnItsWay(
      native,
      native.pipeShare(this.#id),
      nameOf(...native.pipeName(this.#id)),
    );
  }

  afterFork(): void {
    this.#input.forget();
    this.#room.forget();
    this.#polled = [];
    this.#bell?.afterFork();
    this.#bell = undefined;
  }

  /** Once: the number of the handle may be another one's afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.watch(0);
    this.#bell?.close();
    this.#bell = undefined;
    this.#core.unreachable.unregister(this);
    this.#core.native.drop(this.#id);
  }
}

function nobodyWrites(): EndOfFileError {
  return new EndOfFileError('the other end of the connection is closed, and all was read');
}

/** Who wants a value; ends come three numbers each. */
function isInTwo(taken: readonly unknown[]): taken is TakenInTwo {
  return taken.length === 2;
}

function targetFor(into: Uint8Array | undefined): Uint8Array {
  if (isForValueAtOnce(into)) return large;
  return into === undefined || isForValue(into) ? scratch : into;
}

function bytesOf(taken: number | Buffer, target: Uint8Array): Buffer {
  if (typeof taken !== 'number') return taken;
  if (target !== scratch && target !== large) return target.subarray(0, taken) as Buffer;
  const bytes = Buffer.allocUnsafe(taken);
  bytes.set(target.subarray(0, taken));
  return bytes;
}
