// What a piece of work must leave as it found it, compared before and after.
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FILE_MARKER, describeProcesses, findByMarker, ownChildren } from './processes.js';
import { killQuietly } from './watchdog.js';

const SETTLE_MS = 2_000;

/** Descriptors that the library opens once per process and keeps: doorbell, waiter, their epoll. */
const KEPT_PER_PROCESS: Record<string, number> = {
  'anon_inode:[eventfd]': 4,
  'anon_inode:[eventpoll]': 2,
  pipe: 1,
  memfd: 2,
};

export interface Snapshot {
  children: Set<number>;
  descriptors: Map<string, number>;
}

export function snapshot(): Snapshot {
  return {
    children: new Set(ownChildren().map(({ pid }) => pid)),
    descriptors: countDescriptors(),
  };
}

/** Throws when something is still there after a grace time in which ends are reaped and garbage is collected. */
export async function expectNothingLeft(before: Snapshot): Promise<void> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    globalThis.gc?.();
    const processes = leftProcesses(before);
    const descriptors = leftDescriptors(before);
    if (processes.length + descriptors.length === 0) return;
    if (performance.now() >= deadline) {
      const scene = describeProcesses(processes);
      for (const pid of processes) killQuietly(pid);
      throw new Error(['left behind:', scene, ...descriptors].join('\n'));
    }
    await sleep(50);
  }
}

function leftProcesses(before: Snapshot): number[] {
  const children = ownChildren().filter(({ pid }) => !before.children.has(pid));
  const descendants = findByMarker(FILE_MARKER, process.env[FILE_MARKER] ?? '');
  return [...new Set([...children.map(({ pid }) => pid), ...descendants])];
}

function leftDescriptors(before: Snapshot): string[] {
  return [...countDescriptors()].flatMap(([kind, count]) => {
    const allowed = (before.descriptors.get(kind) ?? 0) + (KEPT_PER_PROCESS[kind] ?? 0);
    return count > allowed ? [`  descriptors: ${kind} ${allowed} → ${count}`] : [];
  });
}

/** Descriptors of this process by what they lead to; pipes and sockets without their numbers. */
function countDescriptors(): Map<string, number> {
  const counts = new Map<string, number>();
  if (process.platform !== 'linux') return counts;
  for (const fd of readdirSync('/proc/self/fd')) {
    const kind = describeDescriptor(fd);
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

function describeDescriptor(fd: string): string | undefined {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    if (target.startsWith('/memfd:')) return 'memfd';
    return target.replace(/:\[\d+\]$/, '');
  } catch {
    return undefined; // The descriptor that listed the folder.
  }
}

/** Named segments and semaphores on this machine that were made since `sinceMs` and that no process has open. */
export function abandonedNames(sinceMs: number): string[] {
  if (process.platform !== 'linux') return [];
  const fresh = readdirSync('/dev/shm').filter((name) => {
    const found = statSync(`/dev/shm/${name}`, { throwIfNoEntry: false });
    return found !== undefined && found.birthtimeMs >= sinceMs;
  });
  return fresh.length === 0 ? [] : fresh.filter((name) => !isMapped(`/dev/shm/${name}`));
}

function isMapped(file: string): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      if (readFileSync(`/proc/${pid}/maps`, 'utf8').includes(file)) return true;
      return readdirSync(`/proc/${pid}/fd`).some(
        (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === file,
      );
    } catch {
      return false; // Ended meanwhile.
    }
  });
}
