import type { Wait } from '../../../base/options.js';
import { SerializationError } from '../../../errors.js';
import type { TransferHandle } from '../../contract.js';
import {
  SyncOutcome,
  type Arrival,
  type BarrierHandle,
  type ConditionHandle,
  type EventHandle,
  type LockHandle,
  type LockRequest,
  type SemaphoreHandle,
  type SharedHandle,
} from '../../sync-contract.js';
import { ChannelTransfer } from '../channel-transfer.js';
import { blocking } from '../channel.js';
import { Reference } from '../reference.js';
import type { LocalObject } from './local-object.js';
import {
  holds,
  type BarrierState,
  type EventState,
  type LockState,
  type SemaphoreState,
} from './state.js';
import type { Answer, ObjectKind, Want } from './words.js';

/** What a process has of an object that the broker keeps. Let go when it is collected. */
export abstract class FallbackHandle implements SharedHandle {
  protected readonly object: LocalObject;
  readonly #reference: Reference;

  constructor(reference: Reference, kind: ObjectKind) {
    this.object = sharedBy(reference).check(kind);
    this.#reference = reference.boundTo(this);
  }

  toTransfer(): { readonly reference: unknown; readonly handle: TransferHandle } {
    const { end } = this.#reference;
    end.refer();
    return { reference: undefined, handle: new ChannelTransfer(new Reference(end)) };
  }

  protected ask(
    to: Want['to'],
    wait: Wait,
    request?: Partial<Want>,
    asked?: () => void,
  ): Promise<Answer> {
    const want = { to, holder: 0, takeAbandoned: false, led: 0, pid: process.pid, ...request };
    return this.object.ask(this, want, wait, asked);
  }

  protected async outcome(...asked: Parameters<FallbackHandle['ask']>): Promise<SyncOutcome> {
    return (await this.ask(...asked)).outcome;
  }
}

function sharedBy({ end }: Reference): LocalObject {
  if (end.shared === undefined) {
    throw new SerializationError(
      'the message names a shared object, but a channel came',
      'message',
    );
  }
  return end.shared;
}

/** What arrived in a message, or SerializationError. */
export function claimed(handle: TransferHandle | undefined): Reference {
  if (handle instanceof ChannelTransfer) return handle.claim();
  throw new SerializationError('the message names a shared object that did not come', 'message');
}

export class FallbackLock extends FallbackHandle implements LockHandle {
  acquire(request: LockRequest, wait: Wait): SyncOutcome | Promise<SyncOutcome> {
    const { holder } = request;
    if (this.object.made.kind === 'rlock' && this.object.act({ do: 'again', holder })) {
      return SyncOutcome.Done;
    }
    return this.outcome('acquire', wait, request);
  }

  acquireSync(): never {
    throw blocking('acquireSync', 'await acquire()');
  }

  release(holder: number): boolean {
    return this.object.act({ do: 'release', holder });
  }

  locked(): boolean {
    return this.#state.by !== null;
  }

  abandoned(): boolean {
    return this.#state.abandoned;
  }

  count(holder: number): number {
    const state = this.#state;
    return holds(state, this.object.process, holder) ? state.count : 0;
  }

  ownerPid(): number {
    return this.#state.pid;
  }

  abandonedPid(): number {
    return this.#state.deadPid;
  }

  get #state(): LockState {
    return this.object.view as LockState;
  }
}

export class FallbackSemaphore extends FallbackHandle implements SemaphoreHandle {
  acquire(wait: Wait): Promise<SyncOutcome> {
    return this.outcome('acquire', wait);
  }

  acquireSync(): never {
    throw blocking('acquireSync', 'await acquire()');
  }

  release(permits: number): boolean {
    return this.object.act({ do: 'post', permits });
  }

  value(): number {
    return (this.object.view as SemaphoreState).value;
  }
}

export class FallbackCondition extends FallbackHandle implements ConditionHandle {
  /** Frames keep their order, so the broker has enrolled us before it hears of the release. */
  wait(release: () => void, wait: Wait): Promise<SyncOutcome> {
    return this.outcome('wait', wait, undefined, release);
  }

  waitSync(): never {
    return this.checkBlocking('waitSync');
  }

  checkBlocking(method: 'waitSync' | 'waitForSync'): never {
    throw blocking(method, method === 'waitSync' ? 'await wait()' : 'await waitFor()');
  }

  notify(count: number): void {
    this.object.act({ do: 'notify', count });
  }
}

export class FallbackEvent extends FallbackHandle implements EventHandle {
  set(): void {
    this.object.act({ do: 'set' });
  }

  clear(): void {
    this.object.act({ do: 'clear' });
  }

  isSet(): boolean {
    return (this.object.view as EventState).set;
  }

  wait(wait: Wait): SyncOutcome | Promise<SyncOutcome> {
    return this.isSet() ? SyncOutcome.Done : this.outcome('wait', wait);
  }

  waitSync(): never {
    throw blocking('waitSync', 'await wait()');
  }
}

export class FallbackBarrier extends FallbackHandle implements BarrierHandle {
  get parties(): number {
    return this.object.made.parties;
  }

  wait(wait: Wait): Promise<Arrival> {
    return this.ask('wait', wait);
  }

  waitSync(): never {
    throw blocking('waitSync', 'await wait()');
  }

  async finish(led: number, opens: boolean): Promise<boolean> {
    const { outcome } = await this.ask(opens ? 'finish' : 'break', {}, { led });
    return outcome === SyncOutcome.Done;
  }

  abort(): void {
    this.object.act({ do: 'abort' });
  }

  reset(): void {
    this.object.act({ do: 'reset' });
  }

  waiting(): number {
    return this.#state.waiting;
  }

  broken(): boolean {
    return this.#state.broken;
  }

  get #state(): BarrierState {
    return this.object.view as BarrierState;
  }
}
