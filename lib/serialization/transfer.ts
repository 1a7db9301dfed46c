import type { TransferHandle } from '../backend/contract.js';
import { SerializationError } from '../errors.js';

/** Handles that a `rebuild` has taken over; whatever is not in here still belongs to the message. */
const taken = new WeakSet<TransferHandle>();

/**
 * The operating-system handles that travel beside one message. The sender makes it, hands it to `serialize`, and then either
 * sends `handles` (which consumes them) or calls `discard()`. A destination that cannot carry handles passes no Transfer.
 */
export class Transfer {
  readonly #handles: TransferHandle[] = [];
  #arriving = 0;

  /**
   * Takes ownership of a handle. @returns the index under which the receiver finds it (see `takeHandle`); undefined for one that
   * does not arrive.
   */
  add(handle: TransferHandle & { readonly arrives: false }): undefined;
  add(handle: TransferHandle): number;
  add(handle: TransferHandle): number | undefined {
    this.#handles.push(handle);
    return arrives(handle) ? this.#arriving++ : undefined;
  }

  /** The same for a channel's. @returns what `takeChannel` finds it by: its name, if it has one. */
  addChannel(handle: TransferHandle): number | string {
    if (handle.name === undefined) return this.add(handle);
    this.#handles.push(handle);
    return handle.name;
  }

  /** In the order of their indexes; the very array that `Message.handles` expects. */
  get handles(): readonly TransferHandle[] {
    return this.#handles;
  }

  /**
   * Releases every handle added since there were `from` of them, and forgets them. Idempotent. One handle's failure to be
   * released does not keep the others from it.
   */
  discard(from = 0): void {
    for (const handle of this.#handles.splice(from)) {
      if (arrives(handle)) this.#arriving -= 1;
      handle.discard();
    }
  }
}

/** Under an index. */
function arrives(handle: TransferHandle): boolean {
  return handle.arrives !== false && handle.name === undefined;
}

/**
 * For the `rebuild` of a handle class: the handle that `reduce` added under this index, which is now the caller's. Bytes may
 * come from anywhere, so an index that is none, or was taken before, is an error and not a crash.
 */
export function takeHandle(handles: readonly TransferHandle[], index: unknown): TransferHandle {
  const handle = typeof index === 'number' ? handles[index] : undefined;
  if (handle === undefined) {
    throw new SerializationError(
      `the message names handle ${String(index)}, but ${String(handles.length)} came with it`,
      'message',
    );
  }
  if (taken.has(handle)) {
    throw new SerializationError(`the message uses handle ${String(index)} twice`, 'message');
  }
  taken.add(handle);
  return handle;
}

/** The same for what `addChannel` answered. The name alone where it came without a handle, as through a queue. */
export function takeChannel(
  handles: readonly TransferHandle[],
  key: unknown,
): TransferHandle | string {
  if (typeof key !== 'string') return takeHandle(handles, key);
  const handle = handles.find((one) => one.name === key && !taken.has(one));
  if (handle === undefined) return key;
  taken.add(handle);
  return handle;
}

/** After a message that could not be read: releases what nobody took over. */
export function discardUntaken(handles: readonly TransferHandle[]): void {
  for (const handle of handles) {
    if (!taken.has(handle)) handle.discard();
  }
}
