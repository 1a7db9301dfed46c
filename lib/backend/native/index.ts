import type { Deadline } from '../../base/deadline.js';
import type { PolledDescriptor } from '../../base/readiness.js';
import type { Addon } from '../addon.js';
import type { Backend, Channel, TransferHandle } from '../contract.js';
import type { QueueBackend } from '../queue-contract.js';
import type { NamedSemaphores, SyncBackend } from '../sync-contract.js';
import { SocketChannel, type Mode } from './channel.js';
import { ForkedChild, collectEnded } from './child.js';
import { describeForkErrors } from './fork-errors.js';
import { createForking, forkUnavailable } from './fork.js';
import type * as Named from './named-semaphores.js';
import { HeldPeer } from './peer.js';
import type * as Queues from './queues/index.js';
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
    channelFromTransfer: (handle: TransferHandle, mode: Mode) =>
      new SocketChannel(addon, NativeTransferHandle.of(handle).take(), mode),
    spawn: (request) => spawnNode(addon, request),
    collectEnded,
    blockOn: (polled, deadline) => {
      blockOn(addon, polled, deadline);
    },
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

function blockOn(addon: Addon, polled: readonly PolledDescriptor[], deadline: Deadline): void {
  const fds = polled.map(({ fd }) => fd);
  const events = polled.map((one) => one.events);
  try {
    addon.pollDescriptors(fds, events, deadline.remainingMs());
  } catch (error) {
    throw systemError('waiting for several things at once failed', error);
  }
}

function channelPair(addon: Addon, duplex: boolean): [Channel, Channel] {
  let pair: [number, number];
  try {
    pair = addon.socketPair();
  } catch (error) {
    throw systemError('no connection could be made', error);
  }
  const [left, right] = pair;
  return [
    new SocketChannel(addon, left, { readable: true, writable: duplex }),
    new SocketChannel(addon, right, { readable: duplex, writable: true }),
  ];
}
