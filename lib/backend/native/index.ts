import type { Deadline } from '../../base/deadline.js';
import { log } from '../../base/log.js';
import type { PolledDescriptor } from '../../base/readiness.js';
import { SerializationError } from '../../errors.js';
import type { Addon } from '../addon.js';
import type { Backend, Channel, TransferHandle } from '../contract.js';
import type { QueueBackend } from '../queue-contract.js';
import type { NamedSemaphores, SyncBackend } from '../sync-contract.js';
import { ForkedChild, collectEnded } from './child.js';
import { describeForkErrors } from './fork-errors.js';
import { createForking, forkUnavailable } from './fork.js';
import { LaneChannel, type Mode } from './lane-channel.js';
import type * as Named from './named-semaphores.js';
import { HeldPeer } from './peer.js';
import { EndOnItsWay } from './pipes/end-on-its-way.js';
import type * as Pipes from './pipes/index.js';
import type { PipeBackend } from './pipes/index.js';
import type { Parcel } from './pipes/parcel.js';
import type * as Queues from './queues/index.js';
import { SocketLane } from './socket-lane.js';
import { attachToParent, spawnNode } from './spawn.js';
import type { NativeSync } from './sync-addon.js';
import type * as Sync from './sync/index.js';
import { systemError } from '../system-error.js';
import { NativeTransferHandle } from './transfer-handle.js';

/** Everything over the addon: socket pairs, pidfds, fork, shared memory. */
export function createNativeBackend(addon: Addon): Backend {
  const { sync } = addon;
  return {
    name: 'native',
    forking: describeForkErrors(
      createForking(addon, (pid) => new ForkedChild(new addon.NativeChild(pid, true))),
    ),
    forkUnavailable: () => forkUnavailable(addon),
    channelPair: (duplex) => channelPair(addon, duplex),
    channelFromTransfer: (handle, mode) => channelFromTransfer(addon, handle, mode),
    spawn: (request) => spawnNode(addon, request, parcel(addon)),
    collectEnded,
    blockOn: (polled, deadline) => {
      blockOn(addon, polled, deadline);
    },
    announceInterrupt: addon.announceInterrupt,
    attachChild: () => attachToParent(addon),
    ...(sync && { sync: () => nativeSync(sync), queues: () => nativeQueues(sync) }),
    ...(addon.NativeNamedSemaphore && { named: () => namedSemaphores(addon) }),
    peer: (pid) => new HeldPeer(addon, pid),
  };
}

let madeSync: SyncBackend | undefined;

function nativeSync(native: NativeSync): SyncBackend {
  if (madeSync === undefined) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded when the first shared object is made
    const { createNativeSync } = require('./sync/index.js') as typeof Sync;
    madeSync = createNativeSync(native);
  }
  return madeSync;
}

let madeQueues: QueueBackend | undefined;

function nativeQueues(native: NativeSync): QueueBackend {
  if (madeQueues === undefined) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded when the first queue is made
    const { createNativeQueues } = require('./queues/index.js') as typeof Queues;
    madeQueues = createNativeQueues(native);
  }
  return madeQueues;
}

let madeNamed: NamedSemaphores | undefined;

function namedSemaphores(addon: Addon): NamedSemaphores {
  if (madeNamed === undefined) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded when the first one is used
    const { createNamedSemaphores } = require('./named-semaphores.js') as typeof Named;
    madeNamed = createNamedSemaphores(addon as Required<Addon>);
  }
  return madeNamed;
}

let madePipes: PipeBackend | undefined;

function nativePipes(addon: Addon): PipeBackend | undefined {
  if (madePipes === undefined && addon.sync) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded when the first pipe is made
    const { createNativePipes } = require('./pipes/index.js') as typeof Pipes;
    madePipes = createNativePipes(addon, addon.sync, (polled, deadline) => {
      blockOn(addon, polled, deadline);
    });
  }
  return madePipes;
}

/** Where no shared object was made no argument can be one. */
function parcel(addon: Addon): Parcel | undefined {
  if (!madePipes && !madeQueues && !madeSync) return undefined;
  try {
    return nativePipes(addon)?.parcel();
  } catch {
    // No room for it: the objects get there all the same, unless the child dies before it has opened them.
    return undefined;
  }
}

function blockOn(addon: Addon, polled: readonly PolledDescriptor[], deadline: Deadline): void {
  const fds = polled.map(({ fd }) => fd);
  const events = polled.map((one) => one.events);
  const safetyMs = Math.min(...polled.map((one) => one.safetyMs ?? Infinity));
  try {
    const happened = addon.pollDescriptors(fds, events, Math.min(deadline.remainingMs(), safetyMs));
    if (!happened && safetyMs < Infinity) addon.sync?.reap();
  } catch (error) {
    throw systemError('waiting for several things at once failed', error);
  }
}

/** In shared memory; by sockets where there is none, or no more. */
function channelPair(addon: Addon, duplex: boolean): [Channel, Channel] {
  let pair: [number, number];
  try {
    const pipes = nativePipes(addon);
    if (pipes) return pipes.pair(duplex);
  } catch (error) {
    log('no pipe could be made in shared memory: %s', String(error));
  }
  try {
    pair = addon.socketPair();
  } catch (error) {
    throw systemError('no connection could be made', error);
  }
  const [left, right] = pair;
  return [
    socketChannel(addon, left, { readable: true, writable: duplex }),
    socketChannel(addon, right, { readable: duplex, writable: true }),
  ];
}

function channelFromTransfer(addon: Addon, handle: TransferHandle | string, mode: Mode): Channel {
  if (typeof handle !== 'string' && !(handle instanceof EndOnItsWay)) {
    return socketChannel(addon, NativeTransferHandle.of(handle).take(), mode);
  }
  const pipes = nativePipes(addon);
  if (pipes) return pipes.open(handle, mode);
  throw new SerializationError(
    'there is no shared memory here, and the connection is in it',
    'message',
  );
}

function socketChannel(addon: Addon, fd: number, mode: Mode): Channel {
  return new LaneChannel(mode, (onReady) => new SocketLane(addon, fd, onReady));
}
