/** How an object is named to another process. */
import { SerializationError } from '../../../errors.js';
import type { TransferHandle } from '../../contract.js';
import { takeFromParcel } from '../parcel-contents.js';
import { ReferenceOnItsWay } from '../reference-on-its-way.js';
import type { NativeSync } from '../sync-addon.js';

/** Plain data: the session says which shared memory is meant. */
export type Reference = readonly [
  session: string,
  kind: string,
  nativeKind: number,
  offset: number,
  generation: number,
];

/** The owner has the handle open for as long as it can be reached. */
export function refer(
  native: NativeSync,
  kind: string,
  handle: number,
  owner: object,
): { reference: Reference; handle: TransferHandle } {
  const name = native.nameOf(handle);
  const session = native.session() ?? '';
  return {
    reference: [session, kind, ...name],
    handle: new ReferenceOnItsWay(native, name, handle, owner),
  };
}

/** The number of a handle. @throws SerializationError. */
export function arrive(native: NativeSync, kind: string, reference: unknown): number {
  if (!isReference(reference)) throw refused(`what names this ${kind} is no reference`);
  const [session, itsKind, nativeKind, offset, generation] = reference;
  if (session !== native.session()) {
    throw refused(
      `this ${kind} belongs to another program: a shared object can be sent to processes that descend ` +
        'from the one that made the first of them, or from one of its ancestors, and to no others',
    );
  }
  if (itsKind !== kind) throw refused(`a ${itsKind} was sent as a ${kind}`);
  try {
    const inParcel = takeFromParcel(native, [nativeKind, offset, generation]);
    return inParcel ?? native.open(nativeKind, offset, generation);
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code === 'ESTALE') throw refused(`this ${kind} does not exist any more`, cause);
    if (code === 'EINVAL' || code === 'ERR_MP_INVALID_ARGUMENT')
      throw refused(`what names this ${kind} is no reference`, cause);
    throw cause;
  }
}

function isReference(value: unknown): value is Reference {
  return (
    Array.isArray(value) &&
    value.length === 5 &&
    value.every((part, at) => typeof part === (at < 2 ? 'string' : 'number'))
  );
}

function refused(message: string, cause?: unknown): SerializationError {
  return new SerializationError(message, 'message', cause === undefined ? {} : { cause });
}
