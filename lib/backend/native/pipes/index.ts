/** Pipes in memory that processes share. */
import type { Deadline } from '../../../base/deadline.js';
import type { PolledDescriptor } from '../../../base/readiness.js';
import { SerializationError } from '../../../errors.js';
import type { Addon } from '../../addon.js';
import type { Channel } from '../../contract.js';
import { LaneChannel, type Mode } from '../lane-channel.js';
import { takeFromParcel } from '../parcel-contents.js';
import { IdleMemory } from '../queues/idle-memory.js';
import { inboxOf } from '../queues/inbox.js';
import { NativeKind, type NativeSync } from '../sync-addon.js';
import { coreOf } from '../sync/handle.js';
import type { EndOnItsWay } from './end-on-its-way.js';
import { Parcel } from './parcel.js';
import { SharedLane, type PipeCore } from './shared-lane.js';

/** session, offset and generation. */
const NAME = /^([0-9a-f]{32}):(\d{1,15}):(\d{1,8})$/;

export interface PipeBackend {
  /** @throws a system error when there is no room. */
  pair(duplex: boolean): [Channel, Channel];
  /** An end that has arrived, or what names it. @throws SerializationError. */
  open(end: EndOnItsWay | string, mode: Mode): Channel;
  /** For the child that is about to be started. */
  parcel(): Parcel;
}

export function createNativePipes(
  addon: Addon,
  native: NativeSync,
  blockOn: (polled: readonly PolledDescriptor[], deadline: Deadline) => void,
): PipeBackend {
  inboxOf(native);
  const core: PipeCore = {
    ...coreOf(native),
    addon,
    memory: new IdleMemory(native),
    nameOf: (offset, generation) =>
      [native.session(), String(offset), String(generation)].join(':'),
    blockOn,
  };

  const channel = (id: number, mode: Mode): Channel =>
    new LaneChannel(mode, (onReady) => new SharedLane(core, id, mode.readable, onReady));

  function arrive(name: string): number {
    const [, session, offset, generation] = NAME.exec(name) ?? [];
    if (session === undefined) throw refused('what names this connection is no reference');
    if (session !== native.session()) {
      throw refused(
        'this connection belongs to another program: it can be sent to processes that descend from the one ' +
          'that made the first shared object, or from one of its ancestors, and to no others',
      );
    }
    const end = [NativeKind.PipeEnd, Number(offset), Number(generation)] as const;
    try {
      return takeFromParcel(native, end) ?? native.open(...end);
    } catch (cause) {
      throw refused('this end of a connection does not exist any more', cause);
    }
  }

  return {
    pair(duplex) {
      const [left, right] = native.pipeMake(Number(duplex));
      return [
        channel(left, { readable: true, writable: duplex }),
        channel(right, { readable: duplex, writable: true }),
      ];
    },
    open(end, mode) {
      const id = typeof end === 'string' ? arrive(end) : end.take();
      if (id === undefined) throw refused('this end of a connection was taken before');
      return channel(id, mode);
    },
    parcel: () => new Parcel(core),
  };
}

function refused(message: string, cause?: unknown): SerializationError {
  return new SerializationError(message, 'message', cause === undefined ? {} : { cause });
}
