/** Starting a Node child with a line to it, and that line's other end. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync } from 'node:fs';
import { StateError } from '../../errors.js';
import type { Addon } from '../addon.js';
import { openToAppend } from '../append-file.js';
import { backendOfParent, markedEnvironment, takeMark } from '../child-mark.js';
import type { ChildEnd, SpawnedChild, SpawnRequest } from '../contract.js';
import { SpawnedNode } from './child.js';
import { LaneChannel } from './lane-channel.js';
import { adoptParcel } from './parcel-contents.js';
import type { Parcel } from './pipes/parcel.js';
import { SocketLane } from './socket-lane.js';
import { systemError } from '../system-error.js';

const BOTH_WAYS = { readable: true, writable: true };

/** Where the child finds its descriptors, after the standard streams. */
const CONTROL_FD = 3;
const LIVENESS_FD = 4;
/** When the mark says so: the parent may have run out of memory or descriptors for it. */
const SEGMENT_FD = 5;
const WITH_SEGMENT = 'segment';

/** `parcel` is for shared objects among the arguments; undefined where there can be none. */
export async function spawnNode(
  addon: Addon,
  request: SpawnRequest,
  parcel: Parcel | undefined,
): Promise<SpawnedChild> {
  const files: number[] = [];
  let theirs: number | undefined;
  const target = (to: SpawnRequest['stdout']): number | 'inherit' | 'ignore' | 'pipe' => {
    if (typeof to === 'number' || to === 'inherit' || to === 'ignore' || to === 'pipe') return to;
    const fd = openToAppend(to);
    files.push(fd);
    return fd;
  };
  try {
    const stdio: StdioOptions = ['ignore', target(request.stdout), target(request.stderr)];
    const [ours, given] = addon.socketPair();
    theirs = given;
    const give = parcel && parcel.give.bind(parcel);
    const control = new LaneChannel(
      BOTH_WAYS,
      (onReady) => new SocketLane(addon, ours, onReady, give),
    );
    try {
      stdio.push(theirs, addon.livenessFd(), ...sharedMemory(addon));
      const child = await start(addon, request, stdio, parcel?.place);
      if (parcel) child.onExit(() => parcel.drop());
      return { child, control };
    } catch (error) {
      control.close();
      throw error;
    }
  } catch (error) {
    parcel?.drop();
    throw systemError('the child process could not be started', error);
  } finally {
    for (const fd of files) closeSync(fd);
    // Node would warn in a worker_thread, where it counts what it has opened itself.
    if (theirs !== undefined) addon.closeFd(theirs);
  }
}

/** A child without it can do all but share objects with this process and its other children. */
function sharedMemory(addon: Addon): number[] {
  try {
    return addon.sync ? [addon.sync.segmentFd()] : [];
  } catch {
    return [];
  }
}

async function start(
  addon: Addon,
  request: SpawnRequest,
  stdio: StdioOptions,
  parcel: string | undefined,
): Promise<SpawnedNode> {
  const started = spawn(process.execPath, [...request.execArgv, request.entry], {
    stdio,
    cwd: request.cwd,
    env: markedEnvironment(
      'native',
      ...(stdio.length > SEGMENT_FD ? [WITH_SEGMENT] : []),
      ...(parcel === undefined ? [] : [parcel]),
    ),
  });
  if (started.pid === undefined) throw await failureOf(started);
  try {
    // Node reaps from its event loop, so the number is still the child's here.
    return new SpawnedNode(started, new addon.NativeChild(started.pid, false));
  } catch (error) {
    started.kill('SIGKILL');
    throw error;
  }
}

function failureOf(started: ChildProcess): Promise<Error> {
  return new Promise((resolve) => started.once('error', resolve));
}

let attached = false;

/** In a child of `spawnNode`: connects to the parent, and dies with it from here on. */
export function attachToParent(addon: Addon): ChildEnd {
  if (attached || backendOfParent() !== 'native') {
    throw new StateError('attachChild is for the entry program of a child, once');
  }
  attached = true;
  const [segment, parcel] = takeMark();
  addon.dieWithParent(LIVENESS_FD);
  if (segment === WITH_SEGMENT) addon.sync?.adoptSegment(SEGMENT_FD);
  if (parcel !== undefined) adoptParcel(parcel);
  const control = new LaneChannel(
    BOTH_WAYS,
    (onReady) => new SocketLane(addon, CONTROL_FD, onReady),
  );
  return { control };
}
