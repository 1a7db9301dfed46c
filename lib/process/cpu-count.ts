import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

/** Where to look; a test brings a folder of its own. */
export interface CpuSources {
  readonly root?: string;
  readonly available?: number;
}

/** How many CPUs this process may use: its affinity, and the quota of its container. At least 1. */
export function cpuCount({
  root = '/',
  available = availableParallelism(),
}: CpuSources = {}): number {
  const quotas = readOwnCgroups(root).flatMap((group) => quotasUpwards(root, group));
  return Math.max(1, Math.min(available, ...quotas.map(Math.ceil)));
}

interface Cgroup {
  /** The unified hierarchy, or the cpu controller of the old one. */
  readonly unified: boolean;
  readonly mount: string;
  /** Below the mount. */
  readonly path: string;
}

/** Lines like `0::/user.slice` (v2) and `4:cpu,cpuacct:/docker/1f` (v1). None on other systems. */
function readOwnCgroups(root: string): Cgroup[] {
  const lines = read(path.join(root, 'proc/self/cgroup')).split('\n');
  return lines.flatMap((line) => {
    const [, id, controllers, groupPath] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    const unified = id === '0' && controllers === '';
    if (groupPath === undefined || (!unified && !controllers?.split(',').includes('cpu')))
      return [];
    return [locate(root, unified, groupPath)];
  });
}

/**
 * The line of mountinfo names the mount point and which group is its root: inside a container that is often the container's
 * own group, while proc/self/cgroup still tells the path on the host.
 */
function locate(root: string, unified: boolean, groupPath: string): Cgroup {
  for (const line of read(path.join(root, 'proc/self/mountinfo')).split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [type, , options = ''] = after.split(' ');
    const matches = unified
      ? type === 'cgroup2'
      : type === 'cgroup' && options.split(',').includes('cpu');
    const [, , , mountRoot, mount] = before.split(' ');
    if (!matches || mountRoot === undefined || mount === undefined) continue;
    const inside =
      groupPath === mountRoot || groupPath.startsWith(`${mountRoot.replace(/\/$/, '')}/`);
    return {
      unified,
      mount,
      path: inside ? groupPath.slice(mountRoot.replace(/\/$/, '').length) : '/',
    };
  }
  return { unified, mount: unified ? '/sys/fs/cgroup' : '/sys/fs/cgroup/cpu', path: groupPath };
}

/** The quotas of the group and of every group above it: each of them bounds. */
function quotasUpwards(root: string, group: Cgroup): number[] {
  const quotas: number[] = [];
  for (let at = path.posix.normalize(group.path); ; at = path.posix.dirname(at)) {
    const quota = readQuota(path.join(root, group.mount, at), group.unified);
    if (quota !== undefined) quotas.push(quota);
    if (at === '/' || at === '.') return quotas;
  }
}

function readQuota(folder: string, unified: boolean): number | undefined {
  const [quota = '', period = ''] = unified
    ? read(path.join(folder, 'cpu.max')).trim().split(' ')
    : ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => read(path.join(folder, name)).trim());
  const cpus = Number.parseInt(quota, 10) / Number.parseInt(period, 10);
  return cpus > 0 ? cpus : undefined; // 'max' and -1 are no bound.
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
