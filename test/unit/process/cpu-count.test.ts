import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cpuCount } from '../../../lib/process/cpu-count.js';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** A file system with just these files. */
function machine(files: Record<string, string>): string {
  const root = mkdtempSync(path.join(tmpdir(), 'cpu-count-'));
  roots.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

const unified = '30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n';
const old =
  '33 24 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n34 24 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';

describe('cpuCount', () => {
  test('of this machine is an integer of at least 1 and at most what the affinity allows', () => {
    expect(Number.isInteger(cpuCount())).toBe(true);
    expect(cpuCount()).toBeGreaterThanOrEqual(1);
    expect(cpuCount()).toBeLessThanOrEqual(availableParallelism());
  });

  test('is the affinity where no container bounds it', () => {
    expect(cpuCount({ root: machine({}), available: 8 })).toBe(8);
    const unbounded = { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': 'max 100000\n' };
    expect(cpuCount({ root: machine(unbounded), available: 8 })).toBe(8);
  });

  test.each([
    ['200000 100000', 2],
    ['150000 100000', 2],
    ['100001 100000', 2],
    ['20000 100000', 1],
    ['1600000 100000', 8],
    ['nonsense', 8],
    ['', 8],
  ])('cgroup v2 cpu.max %j of 8 is %i', (max, expected) => {
    const root = machine({
      'proc/self/cgroup': '0::/app.slice\n',
      'proc/self/mountinfo': unified,
      'sys/fs/cgroup/app.slice/cpu.max': `${max}\n`,
    });
    expect(cpuCount({ root, available: 8 })).toBe(expected);
  });

  test('every group above bounds as well', () => {
    const root = machine({
      'proc/self/cgroup': '0::/a/b/c\n',
      'proc/self/mountinfo': unified,
      'sys/fs/cgroup/a/cpu.max': '300000 100000',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000',
      'sys/fs/cgroup/a/b/c/cpu.max': '700000 100000',
    });
    expect(cpuCount({ root, available: 8 })).toBe(3);
  });

  test.each([
    ['/docker/1f', '/'],
    ['/docker/1f', '/docker/1f'],
    ['/../..', '/'],
  ])(
    'a container that sees its own group as the root: group %s, mounted %s',
    (group, mountRoot) => {
      const root = machine({
        'proc/self/cgroup': `0::${group}\n`,
        'proc/self/mountinfo': unified.replace(' / /sys', ` ${mountRoot} /sys`),
        'sys/fs/cgroup/cpu.max': '200000 100000',
      });
      expect(cpuCount({ root, available: 8 })).toBe(2);
    },
  );

  test.each([
    ['250000', 3],
    ['-1', 8],
  ])('cgroup v1 quota %s of 8 is %i', (quota, expected) => {
    const root = machine({
      'proc/self/cgroup': '5:memory:/app\n4:cpu,cpuacct:/app\n1:name=systemd:/app\n0::/app\n',
      'proc/self/mountinfo': old,
      'sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_quota_us': quota,
      'sys/fs/cgroup/cpu,cpuacct/app/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/memory/app/cpu.cfs_quota_us': '100000',
      'sys/fs/cgroup/memory/app/cpu.cfs_period_us': '100000',
    });
    expect(cpuCount({ root, available: 8 })).toBe(expected);
  });
});
