/** fork(2) over the addon: where it is allowed, and its result as the contract has it. */
import inspector from 'node:inspector';
import { isMainThread } from 'node:worker_threads';
import type { Addon } from '../addon.js';
import type { Child, Forking, ForkOptions, ForkResult } from '../contract.js';

/** True when Node was told to run V8 without worker threads. */
function hasPlatformWorkers(): boolean {
  const given = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)].join(
    ' ',
  );
  const sizes = [...given.matchAll(/--v8-pool-size[= ](\d+)/g)];
  return sizes.length === 0 || sizes.at(-1)?.[1] !== '0';
}

function foreignRuntime(): string | undefined {
  return ['bun', 'deno', 'electron'].find((name) => process.versions[name] !== undefined);
}

/** What can change while the program runs, and is asked at every fork. */
function refusedNow(): string | undefined {
  if (!isMainThread) return 'only the main thread can fork, and this is a worker_thread';
  if (inspector.url() !== undefined)
    return 'an inspector is attached (its thread would not exist in the child)';
  return undefined;
}

let fixed: { reason: string | undefined } | undefined;

function refusedAlways(addon: Addon): string | undefined {
  const runtime = foreignRuntime();
  if (runtime !== undefined)
    return `this is ${runtime}, and the mechanism knows Node's threads only`;
  if (process.platform !== 'linux')
    return `${process.platform} cannot fork a process that runs threads`;
  const uring = process.env['UV_USE_IO_URING'];
  if (uring !== undefined && uring !== '0')
    return 'UV_USE_IO_URING is set, and a ring cannot be shared with a child';
  return addon.forkUnsupported();
}

/** Why this process cannot fork, or undefined when it can. */
export function forkUnavailable(addon: Addon): string | undefined {
  fixed ??= { reason: refusedAlways(addon) };
  return fixed.reason ?? refusedNow();
}

export function createForking(addon: Addon, adopt: (pid: number) => Child): Forking {
  const platformWorkers = hasPlatformWorkers();
  return {
    fork(options: ForkOptions): ForkResult {
      const liveness = addon.livenessFd();
      const result = addon.fork({
        clean: options.clean,
        waitMs: options.waitMs,
        keepFds: [...options.keepFds],
        platformWorkers,
      });
      if (result === 0) {
        // A child that cannot be bound to its parent's life ends here: an error must not travel up into the parent's code.
        try {
          addon.dieWithParent(liveness);
        } catch (error) {
          process.stderr.write(`forked process cannot watch its parent: ${String(error)}\n`);
          addon.exitNow(1);
        }
        return { kind: 'child' };
      }
      if (typeof result === 'number') return { kind: 'parent', child: adopt(result) };
      return { kind: 'refused', ...result };
    },
    // The addon's own functions, where they fit: a child compiles every function of JavaScript that its parent never called.
    atSafePoint: addon.atSafePoint,
    exitNow: addon.exitNow,
    ownPid: addon.ownPid,
    fillRandom: (bytes) => {
      addon.fillRandom(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    },
    redirect: addon.redirect,
    openFile: addon.openFile,
    pipe: addon.pipe,
    closeFd: addon.closeFd,
  };
}
