import { throwIfAborted } from '../../base/abort-signal.js';
import { PendingWait } from '../../base/wait.js';
import type { Wait } from '../../base/options.js';
import { SerializationError, StateError } from '../../errors.js';
import type { QueueBackend } from '../queue-contract.js';
import type { SyncBackend } from '../sync-contract.js';
import type {
  Backend,
  Channel,
  ChildEnd,
  PeerProcess,
  SpawnedChild,
  SpawnRequest,
  TransferHandle,
} from '../contract.js';
import { FallbackChannel, blocking, type Mode } from './channel.js';
import { FallbackChild, startProcess } from './child.js';
import { uniqueId } from './end-table.js';
import { startGuard } from './guard.js';
import { ProcessLink } from './link.js';
import { environmentOf, findOrigin, type Origin } from './origin.js';
import { FallbackQueues } from './queues/index.js';
import { FallbackSync } from './sync/index.js';

const BOTH_WAYS: Mode = { readable: true, writable: true };

/** Everything over node:child_process: what runs where there is no addon, and anywhere it is asked for. */
export function createFallbackBackend(cause?: Error): Backend {
  return new FallbackBackend(cause);
}

let origin: Origin | undefined;
let attached = false;

function ownOrigin(): Origin {
  origin ??= findOrigin();
  return origin;
}

class FallbackBackend implements Backend {
  readonly name = 'fallback';
  #sync: SyncBackend | undefined;
  #queues: QueueBackend | undefined;
  readonly #cause: Error | undefined;

  /** `cause`: why there is no other one. */
  constructor(cause: Error | undefined) {
    this.#cause = cause;
  }

  forkUnavailable(): string {
    const why =
      this.#cause === undefined
        ? ''
        : ` (the addon was not loaded: ${this.#cause.message.split('\n', 1)[0]})`;
    return `fork needs the native backend, and this process uses the fallback backend${why}`;
  }

  channelPair(duplex: boolean): [Channel, Channel] {
    const [left, right] = ownOrigin().router.ends.openPair();
    return [
      new FallbackChannel(left, duplex ? BOTH_WAYS : { readable: true, writable: false }),
      new FallbackChannel(right, duplex ? BOTH_WAYS : { readable: false, writable: true }),
    ];
  }

  channelFromTransfer(handle: TransferHandle | string, mode: Mode): Channel {
    if (typeof handle === 'string') {
      throw new SerializationError(
        'a connection of another backend cannot be opened here',
        'message',
      );
    }
    return FallbackChannel.fromTransfer(handle, mode);
  }

  async spawn(request: SpawnRequest): Promise<SpawnedChild> {
    const { router } = ownOrigin();
    const id = uniqueId();
    const started = await startProcess(request, environmentOf(id, router.depth + 1));
    const control = router.addChild(id, ProcessLink.toChild(started));
    const child = new FallbackChild(started, () => {
      router.letGo(id);
    });
    return { child, control: new FallbackChannel(control, BOTH_WAYS) };
  }

  attachChild(): ChildEnd {
    const { router, parent } = ownOrigin();
    if (parent === undefined || attached) {
      throw new StateError('attachChild is for the entry program of a child, once');
    }
    attached = true;
    startGuard();
    const control = router.ends.adoptControl(router.process);
    return { control: new FallbackChannel(control, BOTH_WAYS) };
  }

  sync(): SyncBackend {
    this.#sync ??= new FallbackSync(ownOrigin().router);
    return this.#sync;
  }

  queues(): QueueBackend {
    this.#queues ??= new FallbackQueues(ownOrigin().router);
    return this.#queues;
  }

  peer(pid: number): PeerProcess {
    return new ParentPeer(pid, ownOrigin());
  }
}

/** The parent, as its line shows it. */
class ParentPeer implements PeerProcess {
  readonly #origin: Origin | undefined;

  constructor(pid: number, given: Origin) {
    // Another parent than the one that started us has ended before we looked.
    this.#origin = given.parent?.pid === pid ? given : undefined;
  }

  isAlive(): boolean {
    return this.#origin?.router.attached === true;
  }

  async wait(wait: Wait): Promise<boolean> {
    throwIfAborted(wait.signal);
    const router = this.#origin?.router;
    if (!this.isAlive() || router === undefined) return true;
    const { liveness } = router.ends;
    liveness.hold();
    const pending = new PendingWait<boolean>(
      wait,
      () => false,
      () => {
        liveness.release();
      },
    );
    void this.#origin?.parent?.ended.then(() => {
      pending.resolve(true);
    });
    return pending.promise;
  }

  waitSync(): never {
    throw blocking('waitSync', 'await wait()');
  }

  release(): void {
    // The line is the process's own.
  }
}
