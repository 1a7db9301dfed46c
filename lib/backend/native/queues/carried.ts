import { NotSupportedError } from '../../../errors.js';
import type { TransferHandle } from '../../contract.js';
import { EndOnItsWay } from '../pipes/end-on-its-way.js';
import type { Carried } from '../queue-addon.js';
import { ReferenceOnItsWay } from '../reference-on-its-way.js';
import { NativeKind } from '../sync-addon.js';

/**
 * What the queue has to know of a message's handles: which objects to let go of when the message is never got.
 * @throws NotSupportedError for a descriptor. It would have to be handed to a process that is not known yet.
 */
export function carriedBy(handles: readonly TransferHandle[]): Carried {
  if (handles.length === 0) return undefined;
  return handles.flatMap((handle) => {
    if (handle instanceof EndOnItsWay) {
      return handle.reference ? [NativeKind.PipeEnd, ...handle.reference] : [];
    }
    if (handle instanceof ReferenceOnItsWay) return handle.reference ?? [];
    throw new NotSupportedError(
      'a Connection that is kept by a socket, because there was no shared memory for it when it was made, cannot be sent through ' +
        'shared memory: give it to the process as an argument',
    );
  });
}

/** The message is in the queue: from here on they are the receiver's affair. */
export function carriedAway(handles: readonly TransferHandle[]): void {
  for (const handle of handles) (handle as ReferenceOnItsWay | EndOnItsWay).sent();
}
