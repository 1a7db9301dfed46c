import { NotSupportedError } from '../../../errors.js';
import type { TransferHandle } from '../../contract.js';
import type { Carried } from '../queue-addon.js';
import { ReferenceOnItsWay } from '../reference-on-its-way.js';

/**
 * What the queue has to know of a message's handles: which objects to let go of when the message is never got.
 * @throws NotSupportedError for a descriptor. It would have to be handed to a process that is not known yet.
 */
export function carriedBy(handles: readonly TransferHandle[]): Carried {
  if (handles.length === 0) return undefined;
  return handles.flatMap((handle) => {
    if (!(handle instanceof ReferenceOnItsWay)) {
      throw new NotSupportedError(
        'what has an open descriptor, as a Connection has, cannot be put into a queue of the native backend: send it over a ' +
          'Connection, or give it to the process as an argument',
      );
    }
    return handle.reference?.slice(0, 3) ?? [];
  });
}

/** The message is in the queue: from here on they are the receiver's affair. */
export function carriedAway(handles: readonly TransferHandle[]): void {
  for (const handle of handles) (handle as ReferenceOnItsWay).sent();
}
